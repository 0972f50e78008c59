// Swagger UI is dark where the page is: by the theme that was chosen, else by the system's wish.
(() => {
  const root = document.documentElement;
  const wishesDark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => root.classList.toggle("dark-mode", root.dataset.theme ? root.dataset.theme === "dark" : wishesDark.matches);
  follow();
  wishesDark.addEventListener("change", follow);
  new MutationObserver(follow).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
})();

// Swagger UI's markup, mended as it comes: links inside buttons, levels of headings that jump, fields without a name,
// text that scrolls but cannot be reached by keyboard, and what stands outside of every landmark.
(() => {
  const set = (element, names) => {
    for (const [name, value] of Object.entries(names)) element.setAttribute(name, value);
  };
  const nameOf = (field) => field.closest("tr")?.querySelector(".parameter__name")?.firstChild?.textContent ?? "Request body";
  const mends = [
    [".opblock-summary-control a[href]", (link) => link.removeAttribute("href")],
    [".information-container:not([role])", (part) => set(part, { role: "region", "aria-label": "About the API" })],
    [":is(h3, h4, h5):not([aria-level])", (heading) => set(heading, { role: "heading", "aria-level": Number(heading.tagName[1]) - 1 })],
    [":is(input, select, textarea):not([aria-label])", (field) => field.labels.length || set(field, { "aria-label": nameOf(field) })],
    ["pre:not([tabindex])", (text) => set(text, { tabindex: 0 })],
    [".responses-table[role]", (table) => table.removeAttribute("role")],
    [".modal-ux:not([role])", (dialog) => set(dialog, { role: "dialog", "aria-label": "Signing in" })],
    [".close-modal:not([aria-label])", (button) => set(button, { "aria-label": "Close" })],
    [".auth.button[aria-label]", (button) => button.removeAttribute("aria-label")],
  ];
  addEventListener("DOMContentLoaded", () => {
    const place = document.getElementById("swagger-ui");
    const mend = () => {
      for (const [selector, change] of mends) place.querySelectorAll(selector).forEach(change);
    };
    new MutationObserver(mend).observe(place, { childList: true, subtree: true });
    mend();
  });
})();

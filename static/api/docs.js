// Swagger UI is dark where the page is: by the theme that was chosen, else by the system's wish.
(() => {
  const root = document.documentElement;
  const wishesDark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => root.classList.toggle("dark-mode", root.dataset.theme ? root.dataset.theme === "dark" : wishesDark.matches);
  follow();
  wishesDark.addEventListener("change", follow);
  new MutationObserver(follow).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
})();

// What Swagger UI's markup lacks for a screen reader and the keyboard, mended whenever it draws something.
(() => {
  const LEVELS = { H3: 2, H4: 3, H5: 4 };

  function set(element, name, value) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }

  function repair(root) {
    // A link inside a button: the button does the same.
    for (const link of root.querySelectorAll(".opblock-summary-control a[href]")) link.removeAttribute("href");
    for (const heading of root.querySelectorAll("h3, h4, h5")) set(heading, "aria-level", String(LEVELS[heading.tagName]));
    for (const about of root.querySelectorAll(".information-container")) {
      set(about, "role", "region");
      set(about, "aria-label", "About this API");
    }
    for (const example of root.querySelectorAll("pre")) set(example, "tabindex", "0");
    for (const field of root.querySelectorAll("input, select, textarea")) label(field);
  }

  function label(field) {
    if (field.labels?.length || field.hasAttribute("aria-label")) return;
    const row = field.closest("[data-param-name], [data-property-name]");
    set(field, "aria-label", row?.dataset.paramName ?? row?.dataset.propertyName ?? field.placeholder ?? "value");
  }

  document.addEventListener("DOMContentLoaded", () => {
    const root = document.getElementById("swagger-ui");
    new MutationObserver(() => repair(root)).observe(root, { childList: true, subtree: true });
    repair(root);
  });
})();

// What is done with hits: choosing two to compare, the layout's address.

const form = document.querySelector("[data-compare-form]");
let chosen = [];

function showChosen() {
  form.toggleAttribute("data-chosen", chosen.length > 0);
  const words = [translated("Compare two"), translated("Choose one more"), translated("Compare these two")];
  form.querySelector("[data-compare-label]").textContent = words[chosen.length];
  const button = form.querySelector("[data-compare-button]");
  button.classList.toggle("primary", chosen.length === 2);
  button.classList.toggle("quiet", chosen.length !== 2);
}

/** Two at most: ticking a third lets the first go. */
function ticked(box) {
  chosen = chosen.filter((other) => other !== box && other.isConnected);
  if (box.checked) chosen.push(box);
  if (chosen.length > 2) chosen.shift().checked = false;
  showChosen();
}

if (form) {
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-compare-tick]")) ticked(event.target);
  });
  form.addEventListener("submit", (event) => {
    if (chosen.length === 2) return;
    event.preventDefault();
    const words = chosen.length ? translated("Choose one more result to compare.") : translated("Tick “Compare” on two results first.");
    document.dispatchEvent(new CustomEvent("sightline:complain", { detail: { title: "Compare two results", words } }));
  });
  const restore = () => {  // a browser that comes back to the page ticks what was ticked
    chosen = [...document.querySelectorAll("[data-compare-tick]:checked")].slice(0, 2);
    showChosen();
  };
  addEventListener("pageshow", restore);
}

// “Why?” opens and closes; what was told once is not asked again.
document.addEventListener("htmx:beforeRequest", (event) => {
  const link = event.target.closest?.("[data-why]");
  const panel = link && document.getElementById(link.getAttribute("aria-controls"));
  if (!panel?.childElementCount) return;
  event.preventDefault();
  panel.hidden = !panel.hidden;
  link.setAttribute("aria-expanded", String(!panel.hidden));
});
document.addEventListener("htmx:afterSwap", (event) => {
  event.detail.requestConfig?.elt?.closest?.("[data-why]")?.setAttribute("aria-expanded", "true");
});

// More hits may have come since the page was made: another layout shows them too.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-view]");
  if (!link) return;
  const address = new URL(location.href);
  address.searchParams.set("view", new URL(link.href).searchParams.get("view"));
  link.href = address.href;
});

// Coming back, the hit that was opened stands where it stood: what came with “Show more” may now have more above it, and
// the browser's own place is then off by that.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-hit-link]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;  // those open it beside this page
  const opened = { href: link.getAttribute("href"), top: link.getBoundingClientRect().top };
  history.replaceState({ ...history.state, opened }, "");
}, true);

function standAsBefore() {
  const { opened } = history.state;
  const link = [...document.querySelectorAll("[data-hit-link]")].find((one) => one.getAttribute("href") === opened.href);
  if (link) scrollBy({ top: link.getBoundingClientRect().top - opened.top, behavior: "instant" });
}

if (history.state?.opened && performance.getEntriesByType("navigation")[0]?.type === "back_forward") {
  history.scrollRestoration = "manual";
  standAsBefore();
  addEventListener("load", () => {
    standAsBefore();
    history.replaceState({ ...history.state, opened: undefined }, "");
  }, { once: true });
  addEventListener("pagehide", () => { history.scrollRestoration = "auto"; });
}

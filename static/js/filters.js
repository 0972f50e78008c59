// The filter bar: menus that close, fit the window and keep what was ticked while somebody types; an order that acts at once.

const sheetOf = (menu) => menu.querySelector("[data-filter-sheet]");

function close(menu, { focus = false } = {}) {
  menu.open = false;
  if (focus) menu.querySelector("summary").focus();
}

/** Let a sheet open to the left where it would reach beyond the window. */
function fit(menu) {
  const sheet = sheetOf(menu);
  sheet.classList.remove("to-the-left");
  if (sheet.getBoundingClientRect().right > document.documentElement.clientWidth - 8) sheet.classList.add("to-the-left");
}

/** Keep the ticked values in front of what was found, once each. */
function keepTicked(list, ticked) {
  for (const row of [...ticked].reverse()) {
    const value = row.querySelector("input").value;
    for (const input of list.querySelectorAll("input")) if (input.value === value) input.closest("li").remove();
    list.prepend(row);
  }
}

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("[data-filter-menu][open]")) {
    const outside = !menu.contains(event.target) || event.target === sheetOf(menu);
    if (outside) close(menu);
  }
  const clear = event.target.closest("[data-filter-clear]");
  if (!clear) return;
  for (const input of clear.closest("[data-filter-inside]").querySelectorAll("input")) {
    if (input.type === "checkbox") input.checked = false;
    else input.value = "";
  }
  clear.form.requestSubmit();
});

document.addEventListener("keydown", (event) => {
  const menu = document.activeElement?.closest("[data-filter-menu][open]");
  if (menu && event.key === "Escape") close(menu, { focus: true });
  if (event.key !== "Enter" || !event.target.matches("[data-filter-find]")) return;
  event.preventDefault();
  event.target.closest("[data-filter-inside]").querySelector(".filter-values input:not(:checked)")?.click();
});

document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("[data-filter-menu][open]")) fit(event.target);
}, true);

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-filter-sort]")) event.target.form.requestSubmit();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const list = event.detail.target;
  if (!list.matches?.(".filter-values")) return;
  const ticked = [...list.querySelectorAll("input:checked")].map((input) => input.closest("li"));
  list.addEventListener("htmx:afterSwap", () => keepTicked(list, ticked), { once: true });
});

document.addEventListener("htmx:afterSwap", (event) => {
  const menu = event.target.closest?.("[data-filter-menu][open]");
  if (!menu || event.target.matches(".filter-values")) return;
  fit(menu);
  if (matchMedia("(pointer: fine)").matches) menu.querySelector("input:not([type=hidden])")?.focus();
});

// Fields that say nothing need not stand in the address.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-filters]")) return;
  for (const input of event.target.elements) if (input.name && !input.value) input.disabled = true;
});

// A page that comes back from the browser's cache takes them again.
addEventListener("pageshow", () => {
  for (const input of document.querySelectorAll("[data-filters] :disabled")) input.disabled = false;
});

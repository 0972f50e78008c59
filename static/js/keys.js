// The keyboard, as the sheet (`?`) lists it. Never while somebody types, never with a modifier, never under a dialog.

const sheet = document.querySelector("[data-keys-dialog]");

function typing(element) {
  return element.matches("input:not([type=radio]):not([type=checkbox]), textarea, select") || element.isContentEditable;
}

const current = () => document.activeElement.closest("[data-hit]");

function step(by) {
  const links = [...document.querySelectorAll("[data-hit-link]")];
  const here = current();
  const at = links.findIndex((link) => here?.contains(link));
  const next = at < 0 ? (by > 0 ? 0 : -1) : at + by;
  const link = links[next];
  if (!link) return;
  link.focus({ preventScroll: true });
  link.closest("[data-hit]").scrollIntoView({ block: "nearest" });
}

function write(event) {
  const words = document.querySelector("[data-words]");
  if (!words) return;
  event.preventDefault();
  words.focus();
  words.select();
}

const press = (selector, within = current()) => within?.querySelector(selector)?.click();

/** Tick the hit; behind the second one, Enter compares. */
function chooseToCompare() {
  press("[data-compare-tick]");
  document.querySelector("[data-compare-button].primary")?.focus();
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  v: () => press("[data-lightbox]"),
  w: () => press("[data-why]"),
  r: () => press(".verdict.yes"),
  n: () => press(".verdict.no"),
  c: chooseToCompare,
  g: () => press("[data-view]:not([aria-current])", document),
  "/": write,
  "?": () => sheet.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  KEYS[event.key]?.(event);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-keys-open]")) sheet.showModal();
  else if (event.target === sheet || event.target.closest("[data-keys-close]")) sheet.close();
});

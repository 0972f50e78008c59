// The keyboard: `/` writes, `j` and `k` go through the hits. Never while somebody types, never with a modifier.

function typing(element) {
  return element.matches("input:not([type=radio]):not([type=checkbox]), textarea, select") || element.isContentEditable;
}

function step(by) {
  const links = [...document.querySelectorAll("[data-hit-link]")];
  const here = document.activeElement.closest("[data-hit]");
  const at = links.findIndex((link) => here?.contains(link));
  const next = at < 0 ? (by > 0 ? 0 : -1) : at + by;
  const link = links[next];
  if (!link) return;
  link.focus({ preventScroll: true });
  link.closest("[data-hit]").scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "/") {
    const words = document.querySelector("[data-words]");
    if (!words) return;
    event.preventDefault();
    words.focus();
    words.select();
  }
});

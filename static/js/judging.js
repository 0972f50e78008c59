// One key a grade in the judging room: a key presses the button that names it, once.

let pressed = false;

document.addEventListener("keydown", (event) => {
  if (pressed || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]") || event.target.matches("input, textarea, select")) return;
  const button = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!button) return;
  pressed = true;
  button.click();
});

// A page that comes back from the browser's cache takes keys again.
addEventListener("pageshow", () => { pressed = false; });

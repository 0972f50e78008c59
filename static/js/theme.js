// Runs before the first paint, so that a chosen theme does not flash in: the only script that blocks.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  } catch {
    // Storage is switched off: the system's wish counts.
  }
})();

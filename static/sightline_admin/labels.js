// The tooltips of Django's two-column choice have a name and no role: a name alone is not read out.
window.addEventListener("load", () => {
  for (const tooltip of document.querySelectorAll("span.help-tooltip[aria-label]")) tooltip.setAttribute("role", "img");
});

// Swagger UI is dark where the page is: by the theme that was chosen, else by the system's wish.
(() => {
  const root = document.documentElement;
  const wishesDark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => root.classList.toggle("dark-mode", root.dataset.theme ? root.dataset.theme === "dark" : wishesDark.matches);
  follow();
  wishesDark.addEventListener("change", follow);
  new MutationObserver(follow).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
})();

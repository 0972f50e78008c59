// A picture alone over the page: links with data-lightbox open here, in the order in which they stand.

const dialog = document.querySelector("[data-lightbox-dialog]");
const part = (name) => dialog.querySelector(`[data-lightbox-${name}]`);
const links = () => [...document.querySelectorAll("a[data-lightbox]")];
let shown = null;

function show(link) {
  shown = link;
  const all = links();
  const image = part("image");
  image.src = link.href;
  image.alt = link.dataset.title;
  part("title").textContent = link.dataset.title;
  part("original").href = link.href.split("?")[0];
  part("document").hidden = !link.dataset.document;
  part("document").href = link.dataset.document ?? "";
  part("count").textContent = all.length > 1 ? translated("{number} of {count}", { number: all.indexOf(link) + 1, count: all.length }) : "";
  for (const button of dialog.querySelectorAll("[data-lightbox-step]")) {
    button.disabled = !neighbour(Number(button.dataset.lightboxStep));
  }
  if (!dialog.open) dialog.showModal();
}

const neighbour = (by) => links()[links().indexOf(shown) + by];

function step(by) {
  const next = neighbour(by);
  if (next) show(next);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-lightbox]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(link);
});

dialog.addEventListener("click", (event) => {
  const button = event.target.closest("[data-lightbox-step]");
  if (button) step(Number(button.dataset.lightboxStep));
  else if (event.target === dialog || event.target.closest("[data-lightbox-close]")) dialog.close();
});
dialog.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") step(-1);
  else if (event.key === "ArrowRight") step(1);
});
dialog.addEventListener("close", () => {
  part("image").src = "data:,";
  shown?.focus();
});

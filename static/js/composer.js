// The parts of a search: sliders answer at once, chips change places, hits and photos are dropped onto them.

const composer = document.querySelector("form[data-composer]");

function submitWith(name, value) {
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = name;
  field.value = value;
  composer.append(field);
  composer.requestSubmit();
}

function documentOf(transfer) {
  const address = transfer.getData("text/uri-list");
  return address && new URL(address, location.href).pathname.match(/\/documents\/(\d+)\//)?.[1];
}

function place(dragged, over, after) {
  if (over && over !== dragged) over[after ? "after" : "before"](dragged);
}

function drop(event) {
  const { files } = event.dataTransfer;
  const found = documentOf(event.dataTransfer);
  if (!files.length && !found) return;
  event.preventDefault();
  event.stopPropagation();
  composer.classList.remove("drop-here");
  if (found) submitWith("more", found);
  else {
    composer.querySelector("[data-part-photo]").files = files;
    submitWith("add", "more");
  }
}

function follow(list) {
  let dragged = null;
  for (const part of list.querySelectorAll("[data-part]")) part.draggable = true;
  list.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("[data-part]");
    dragged?.classList.add("dragged");
  });
  list.addEventListener("dragover", (event) => {
    if (!dragged) return;
    event.preventDefault();
    const over = event.target.closest("[data-part]");
    const box = over?.getBoundingClientRect();
    place(dragged, over, box && event.clientY > box.top + box.height / 2);
  });
  list.addEventListener("dragend", () => {
    dragged?.classList.remove("dragged");
    dragged = null;
  });
  // A slider is dragged by itself, not with its chip.
  list.addEventListener("pointerdown", (event) => {
    const part = event.target.closest("[data-part]");
    if (part) part.draggable = !event.target.matches("[data-strength]");
  });
}

// Whoever comes back to an answer sees the weights that it was found with, not those that were tried after it.
function weightsAsAsked() {
  for (const slider of composer.querySelectorAll("[data-strength]")) {
    slider.value = slider.defaultValue;
    slider.nextElementSibling.value = slider.value;
  }
}

// A slider answers with another page: the keyboard and the eyes go on there where they were.
const PLACE = "composer-place";
const PLACE_MILLISECONDS = 30000;

function keepPlace(slider) {
  const sliders = [...composer.querySelectorAll("[data-strength]")];
  const place = { slider: sliders.indexOf(slider), top: scrollY, at: Date.now() };
  try { sessionStorage.setItem(PLACE, JSON.stringify(place)); } catch { /* no storage: the page begins at its top */ }
}

function goOn() {
  let place = null;
  try {
    place = JSON.parse(sessionStorage.getItem(PLACE));
    sessionStorage.removeItem(PLACE);
  } catch { return; }
  if (!place || Date.now() - place.at > PLACE_MILLISECONDS) return;
  composer.querySelectorAll("[data-strength]")[place.slider]?.focus({ preventScroll: true });
  scrollTo(0, place.top);
}

if (composer) {
  goOn();
  composer.addEventListener("input", (event) => {
    if (event.target.matches("[data-strength]")) event.target.nextElementSibling.value = event.target.value;
  });
  composer.addEventListener("change", (event) => {
    if (event.target.matches("[data-strength]")) {
      keepPlace(event.target);
      composer.requestSubmit();
    }
    if (event.target.matches("[data-part-photo]")) submitWith("add", "more");
  });
  composer.addEventListener("dragover", (event) => {
    const { types } = event.dataTransfer;
    if (composer.querySelector(".dragged")) return;
    if (!types.includes("Files") && !types.includes("text/uri-list")) return;
    event.preventDefault();
    event.stopPropagation();
    composer.classList.add("drop-here");
  });
  composer.addEventListener("dragleave", () => composer.classList.remove("drop-here"));
  composer.addEventListener("drop", drop);
  window.addEventListener("pageshow", weightsAsAsked);
  const list = composer.querySelector("[data-parts]");
  if (list) follow(list);
}

// The selection of documents: kept while somebody goes from page to page, sent with the form, forgotten when it was.

function readPicked(key) {
  try {
    return new Set(JSON.parse(sessionStorage.getItem(key) || "[]"));
  } catch {
    return new Set();
  }
}

function follow(form) {
  const key = form.dataset.store;
  const picked = readPicked(key);
  const boxes = [...form.querySelectorAll("[data-pick]")];
  const shown = form.querySelector("[data-picked]");
  const scopes = [...form.querySelectorAll("[data-scope]")];

  const keep = () => {
    sessionStorage.setItem(key, JSON.stringify([...picked]));
    if (shown) shown.textContent = picked.size ? `: ${picked.size}` : "";
  };
  const tick = (box, on) => {
    box.checked = on;
    if (on) picked.add(box.value);
    else picked.delete(box.value);
  };

  for (const box of boxes) box.checked = picked.has(box.value);
  keep();

  form.addEventListener("change", (event) => {
    if (!event.target.matches("[data-pick]")) return;
    tick(event.target, event.target.checked);
    for (const scope of scopes) scope.checked = scope.value === "picked";
    keep();
  });
  form.querySelector("[data-pick-page]")?.addEventListener("click", () => {
    for (const box of boxes) tick(box, true);
    keep();
  });
  form.querySelector("[data-pick-none]")?.addEventListener("click", () => {
    picked.clear();
    for (const box of boxes) box.checked = false;
    keep();
  });
  form.addEventListener("submit", () => {
    const here = new Set(boxes.map((box) => box.value));
    const elsewhere = [...picked].filter((id) => !here.has(id));
    if (elsewhere.length) {
      const sent = document.createElement("input");
      Object.assign(sent, { type: "hidden", name: "document", value: elsewhere.join(",") });
      form.prepend(sent);
    }
    sessionStorage.removeItem(key);
  });
}

for (const form of document.querySelectorAll("[data-curate]")) follow(form);

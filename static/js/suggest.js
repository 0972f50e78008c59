// Suggestions while somebody writes: an editable combobox with a list, as the ARIA practices describe it.

const PAUSE_MS = 120;
const ICONS = { recent: "history", identifier: "file-text", title: "search" };

const input = document.querySelector("[data-words]");
const form = input?.closest("form");
let list = null;
let timer = 0;
let asking = null; // the request under way
let found = [];
let active = -1;

function make(name, classes, text) {
  const element = document.createElement(name);
  element.className = classes;
  if (text !== undefined) element.textContent = text;
  return element;
}

function icon(kind) {
  const sprite = input.dataset.suggestIcons;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${sprite}#${ICONS[kind]}`);
  svg.append(use);
  return svg;
}

function option(suggestion, at) {
  const row = make("li", "suggestion");
  row.id = `suggestion-${at}`;
  row.setAttribute("role", "option");
  row.setAttribute("aria-selected", "false");
  const words = make("span", suggestion.kind === "identifier" ? "suggestion-words mono" : "suggestion-words", suggestion.text);
  words.dir = "auto";
  row.append(icon(suggestion.kind), words);
  if (suggestion.kind === "recent") row.append(make("span", "meta", translated("searched before")));
  if (suggestion.title) {
    const title = make("span", "meta suggestion-title", suggestion.title);
    title.dir = "auto";
    row.append(title);
  }
  row.addEventListener("click", () => pick(at));
  return row;
}

function say(text) {
  document.dispatchEvent(new CustomEvent("sightline:say", { detail: { text } }));
}

function close() {
  clearTimeout(timer);
  asking?.abort();
  active = -1;
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function show(suggestions) {
  found = suggestions;
  active = -1;
  input.removeAttribute("aria-activedescendant");
  list.replaceChildren(...suggestions.map(option));
  const open = suggestions.length > 0;
  list.hidden = !open;
  input.setAttribute("aria-expanded", String(open));
  if (!open) return;
  const count = suggestions.length;
  say(count === 1 ? translated("1 suggestion.") : translated("{count} suggestions.", { count }));
}

function move(to) {
  const rows = [...list.children];
  rows[active]?.setAttribute("aria-selected", "false");
  // One place beyond either end is the text box itself.
  active = to < -1 ? rows.length - 1 : to >= rows.length ? -1 : to;
  const row = rows[active];
  if (!row) {
    input.removeAttribute("aria-activedescendant");
    return;
  }
  row.setAttribute("aria-selected", "true");
  row.scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", row.id);
}

function pick(at) {
  const { text, url } = found[at];
  close();
  if (url) {
    location.assign(url);
    return;
  }
  input.value = text;
  form.requestSubmit();
}

function address() {
  const asked = new URLSearchParams({ q: input.value });
  for (const slug of new FormData(form).getAll("collections")) asked.append("collections", slug);
  return `${input.dataset.suggest}?${asked}`;
}

async function ask() {
  asking?.abort();
  asking = new AbortController();
  try {
    const answer = await fetch(address(), { signal: asking.signal, headers: { Accept: "application/json" } });
    if (answer.ok && document.activeElement === input) show((await answer.json()).suggestions);
    else close();
  } catch (error) {
    if (error.name !== "AbortError") close();
  }
}

function wait() {
  clearTimeout(timer);
  timer = setTimeout(ask, PAUSE_MS);
}

function keys(event) {
  if (event.isComposing) return;
  const open = !list.hidden;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (open) move(active + (event.key === "ArrowDown" ? 1 : -1));
    else ask();
  } else if (event.key === "Enter" && open && active >= 0) {
    event.preventDefault();
    pick(active);
  } else if (event.key === "Escape" && open) {
    event.preventDefault(); // which would empty the box
    close();
  }
}

if (input?.dataset.suggest) {
  list = make("ul", "suggestions");
  list.id = "suggestions";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", translated("Suggestions"));
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the focus
  input.after(list);
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");
  input.addEventListener("input", (event) => { if (!event.isComposing) wait(); });
  input.addEventListener("compositionend", wait);
  input.addEventListener("keydown", keys);
  input.addEventListener("blur", close);
  form.addEventListener("submit", close);
}

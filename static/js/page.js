// What every page has: the theme's switch, copying a link, saying things to screen readers, waiting, menus.

const root = document.documentElement;
const wishesDark = matchMedia("(prefers-color-scheme: dark)");
const live = document.getElementById("live");
const notice = document.getElementById("notice");

const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : wishesDark.matches);

function say(text) {
  live.textContent = "";
  requestAnimationFrame(() => { live.textContent = text; });
}

function paragraph(kind, text) {
  const line = document.createElement("p");
  line.className = kind;
  line.textContent = text;
  return line;
}

/** Show what went wrong in the page's one place for it, which screen readers announce. */
function complain({ title, words }) {
  const box = document.createElement("div");
  box.className = "notice";
  const sign = document.createElement("span");
  sign.className = "notice-sign";
  sign.setAttribute("aria-hidden", "true");
  sign.textContent = "!";
  const text = document.createElement("div");
  text.className = "notice-words";
  text.append(paragraph("notice-title", title), paragraph("", words));
  box.append(sign, text);
  notice.replaceChildren(box);
  notice.scrollIntoView({ block: "nearest" });
}

/** A whole page came where a part was asked for: the login, or an error that nobody foresaw. Of some, a part is named. */
function wholePage(event) {
  const { xhr } = event.detail;
  if (xhr.getResponseHeader("HX-Reselect")) return;
  if (!/^\s*<!doctype/i.test(xhr.responseText)) return;
  event.detail.shouldSwap = false;
  if (xhr.status < 400) location.assign(xhr.responseURL);
  else if (xhr.status === 403) {
    complain({ title: translated("This page is too old"), words: translated("Load it again and repeat what you did.") });
  }
  else complain({ title: translated("Something broke on our side"), words: translated("It has been written to the log. Try again.") });
}

function showTheme() {
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.setAttribute("aria-pressed", String(isDark()));
  }
}

function toggleTheme() {
  const chosen = isDark() ? "light" : "dark";
  root.dataset.theme = chosen;
  try {
    localStorage.setItem("theme", chosen);
  } catch {
    // Storage is switched off: the choice holds for this page.
  }
  showTheme();
}

async function copyLink(button) {
  const label = button.querySelector("[data-copy-label]");
  try {
    await navigator.clipboard.writeText(new URL(button.dataset.copy, location.href).href);
    label.textContent = translated("Copied");
    say(translated("Link copied."));
  } catch {
    label.textContent = button.dataset.copyBy ?? translated("Copy it from the address bar");
  }
  button.classList.add("copied");
  setTimeout(() => {
    label.textContent = translated("Copy link");
    button.classList.remove("copied");
  }, 2500);
}

function labelMenu(menu) {
  const label = menu.querySelector("[data-menu-label]");
  if (!label) return;
  const count = menu.querySelectorAll("input:checked").length;
  const words = count === 0 ? translated("All collections") : count === 1 ? translated("1 collection") : translated("{count} collections", { count });
  label.textContent = words;
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(except)) menu.open = false;
  }
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-theme-toggle], [data-copy], [data-dismiss]");
  if (target?.matches("[data-theme-toggle]")) toggleTheme();
  else if (target?.matches("[data-copy]")) copyLink(target);
  else if (target?.matches("[data-dismiss]")) notice.replaceChildren();
  closeMenus(event.target);
});

document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && document.activeElement.closest("details[data-menu][open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

document.addEventListener("change", (event) => {
  const menu = event.target.closest("details[data-menu]");
  if (menu) labelMenu(menu);
  // Another target is one click; ticking collections waits for the button, since people tick several.
  const refine = event.target.closest("form[data-refine]");
  if (!refine) return;
  if (event.target.name === "target") refine.requestSubmit();
  else refine.querySelector("[data-refine-apply]").hidden = false;
});

// A menu near the window's end opens into view; its event does not bubble.
document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("details[data-menu][open]")) event.target.lastElementChild.scrollIntoView({ block: "nearest" });
}, true);

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-busy-form]")) return;
  document.body.dataset.busy = "";
  say(translated("Searching…"));
});

// A page that comes back from the browser's cache waits for nothing.
addEventListener("pageshow", () => { delete document.body.dataset.busy; });

document.addEventListener("sightline:say", (event) => say(event.detail.text));
document.addEventListener("sightline:complain", (event) => complain(event.detail));
document.addEventListener("htmx:beforeSwap", wholePage);

/** Let this page's address bring back as many hits as are on it now, for whoever comes back to it. */
function keepHits(count) {
  const address = new URL(location.href);
  address.searchParams.set("hits", count);
  history.replaceState(history.state, "", address);
}

// New hits: focus the first of them, so that the keyboard goes on where the button was.
document.addEventListener("htmx:afterSwap", (event) => {
  if (!event.detail.requestConfig?.elt?.matches?.("[data-more]")) return;
  const fresh = event.detail.requestConfig.elt.dataset.seen;
  const hits = document.querySelectorAll("[data-hit-link]");
  hits[Number(fresh)]?.focus({ preventScroll: true });
  keepHits(hits.length);
  say(translated("{count} more results.", { count: hits.length - Number(fresh) }));
});
document.addEventListener("htmx:beforeRequest", (event) => {
  const more = event.target.closest?.("[data-more]");
  if (more) more.dataset.seen = document.querySelectorAll("[data-hit-link]").length;
});

for (const button of document.querySelectorAll("[data-refine-apply]")) button.hidden = true;
wishesDark.addEventListener("change", showTheme);
showTheme();

// Renews each [data-poll] element from its address every second, for as long as the answer says so. Only what differs is
// changed, so that focus, selection and scrolling stay where they are.
const PAUSE_MS = 1000;
const KEPT = new Set(["open"]); // attributes that belong to the reader

function sameKind(node, other) {
  if (node.nodeType !== other.nodeType || node.nodeName !== other.nodeName) return false;
  return node.nodeType !== Node.ELEMENT_NODE || node.getAttribute("data-key") === other.getAttribute("data-key");
}

function morphAttributes(node, wanted) {
  for (const { name } of [...node.attributes]) {
    if (!wanted.hasAttribute(name) && !KEPT.has(name)) node.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
}

function morph(node, wanted) {
  if (node.isEqualNode(wanted)) return;
  if (node.nodeType !== Node.ELEMENT_NODE) {
    node.nodeValue = wanted.nodeValue;
    return;
  }
  morphAttributes(node, wanted);
  morphChildren(node, wanted);
}

// Children are matched in order. One with a key that is not wanted any more goes; others that are new come in before.
function morphChildren(parent, wanted) {
  let next = parent.firstChild;
  for (const child of [...wanted.childNodes]) {
    let match = next;
    while (match && !sameKind(match, child)) match = match.nextSibling;
    if (!match) {
      parent.insertBefore(child, next);
      continue;
    }
    while (next !== match) next = removed(next);
    next = match.nextSibling;
    morph(match, child);
  }
  while (next) next = removed(next);
}

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function renew(element, html) {
  const focused = element.contains(document.activeElement);
  const wanted = document.createElement("template");
  wanted.innerHTML = html;
  morphChildren(element, wanted.content);
  if (focused && !element.contains(document.activeElement)) element.querySelector("[tabindex='-1']")?.focus();
}

async function poll(element) {
  if (!element.querySelector("[data-poll-again]")) return;
  await new Promise((done) => setTimeout(done, PAUSE_MS));
  try {
    const answer = await fetch(element.dataset.poll, { headers: { "X-Requested-With": "fetch" } });
    if (answer.redirected) return; // signed out meanwhile
    if (answer.ok) renew(element, await answer.text());
  } catch {
    // The server restarts or the network is away: ask again.
  }
  poll(element);
}

document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-poll]").forEach(poll));

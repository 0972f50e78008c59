// Replaces each [data-poll] element by its address's answer every second, for as long as the answer says so.
const PAUSE_MS = 1000;

async function poll(element) {
  if (!element.querySelector("[data-poll-again]")) return;
  await new Promise((done) => setTimeout(done, PAUSE_MS));
  try {
    const answer = await fetch(element.dataset.poll, { headers: { "X-Requested-With": "fetch" } });
    if (answer.ok) element.innerHTML = await answer.text();
  } catch {
    // The server restarts or the network is away: ask again.
  }
  poll(element);
}

document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-poll]").forEach(poll));

// A guest link carries its key behind the “#”, which stays in the browser: it is sent in a form, and leaves the address.

const field = document.querySelector("[data-guest-key]");

function send() {
  const key = location.hash.slice(1);
  if (!field || !key) return;
  history.replaceState(null, "", location.pathname);
  field.value = key;
  field.form.requestSubmit();
}

addEventListener("hashchange", send);
send();

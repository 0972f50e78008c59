// Passkeys: what the server offers goes to the browser's own dialog, and what the device answers goes back in the form.
// Forms stay hidden where the browser does not know passkeys.

const given = document.getElementById("passkey-options");

async function options(form) {
  if (given) return JSON.parse(given.textContent);
  const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

async function credential(form) {
  const all = await options(form);
  if (form.dataset.passkey === "get") {
    return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(all.request_options.publicKey) });
  }
  const wanted = all.creation_options.publicKey;
  const alone = form.elements.passwordless.checked;
  wanted.authenticatorSelection = {
    ...wanted.authenticatorSelection,
    residentKey: alone ? "required" : "discouraged",
    requireResidentKey: alone,
    ...(alone && { userVerification: "required" }),
  };
  return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(wanted) });
}

function failed(form) {
  const line = form.querySelector("[data-passkey-failed]") ?? document.createElement("p");
  line.dataset.passkeyFailed = "";
  line.className = "login-error";
  line.setAttribute("role", "alert");
  line.textContent = translated("That did not work, or was broken off. Try again.");
  form.prepend(line);
}

if (window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  for (const note of document.querySelectorAll("[data-passkey-missing]")) note.hidden = true;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        const found = await credential(form);
        form.elements.credential.value = JSON.stringify(found.toJSON());
        form.submit();
      } catch {
        failed(form);
      }
    });
  }
}

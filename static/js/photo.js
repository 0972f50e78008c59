// A photo's way into the search form: chosen, dropped, pasted or taken; checked, made smaller, shown, sent.

const LONGEST_SIDE_PX = 1600; // encoders look at 224 px: more only costs a phone's upload
const SMALL_ENOUGH_BYTES = 1_500_000;
const JPEG_QUALITY = 0.9;
const PHOTOS_MAX = 8; // of one thing, from several sides
const PHOTO_NAME = /\.(jpe?g|png|webp|heic|heif|avif|bmp|tiff?|gif)$/i;

const form = document.querySelector("form[data-search]");
const notice = document.getElementById("notice");
const live = document.getElementById("live");
const veil = document.querySelector("[data-veil]");
let pressed = null; // the button by which the form was sent last: an example, maybe

function part(name) {
  return form.querySelector(`[data-${name}]`);
}

function complain(title, words) {
  document.dispatchEvent(new CustomEvent("sightline:complain", { detail: { title, words } }));
}

function isPhoto(file) {
  if (file.type === "image/svg+xml") return false;
  return file.type.startsWith("image/") || (!file.type && PHOTO_NAME.test(file.name));
}

function jpegName(name) {
  return `${name.replace(/\.[^.]*$/, "") || "photo"}.jpg`;
}

/** Return a smaller JPEG of a large photo; the file itself where it is small or the browser cannot read it. */
async function smaller(file) {
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    return file; // HEIC outside Safari: the server reads it
  }
  const scale = LONGEST_SIDE_PX / Math.max(picture.width, picture.height);
  if (scale >= 1 && file.size <= SMALL_ENOUGH_BYTES) return file;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * Math.min(1, scale)));
  canvas.height = Math.max(1, Math.round(picture.height * Math.min(1, scale)));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff"; // what is transparent is white on the server too
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const blob = await new Promise((done) => { canvas.toBlob(done, "image/jpeg", JPEG_QUALITY); });
  return blob && blob.size < file.size ? new File([blob], jpegName(file.name), { type: "image/jpeg" }) : file;
}

function tooLarge(files) {
  const most = Number(form.dataset.maxBytes);
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  if (bytes <= most) return false;
  const facts = { size: (bytes / 1e6).toFixed(0), most: Math.floor(most / 1e6) };
  if (files.length > 1) {
    complain(translated("Those photos are too large"), translated("They have {size} MB; up to {most} MB can be sent.", facts));
  } else {
    complain(translated("That photo is too large"), translated("It has {size} MB; up to {most} MB can be sent.", facts));
  }
  return true;
}

function put(files) {
  const carrier = new DataTransfer();
  for (const file of files) carrier.items.add(file);
  part("photo").files = carrier.files;
}

function showStage(words, file) {
  part("stage-words").textContent = words;
  live.textContent = words;
  part("stage-photo").hidden = !file;
  if (file) {
    URL.revokeObjectURL(part("stage-image").src);
    part("stage-image").src = URL.createObjectURL(file);
  }
  part("stage-progress").removeAttribute("value");
  part("stage").hidden = false;
  form.setAttribute("aria-busy", "true");
}

function hideStage() {
  part("stage").hidden = true;
  form.removeAttribute("aria-busy");
}

/** Search with photos of one thing; with files that are none, say so. */
async function take(...files) {
  notice.replaceChildren();
  const photos = files.filter(isPhoto);
  if (!photos.length) {
    complain(translated("Not a photo"), translated("JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP and GIF can be searched with."));
    return;
  }
  if (photos.length > PHOTOS_MAX) {
    complain(translated("Too many photos"), translated("Up to {most} photos of one thing can be searched with.", { most: PHOTOS_MAX }));
    return;
  }
  showStage(
    photos.length > 1
      ? translated("Getting your {count} photos ready…", { count: photos.length })
      : translated("Getting your photo ready…"),
    photos[0],
  );
  const ready = await Promise.all(photos.map(smaller));
  if (tooLarge(ready)) {
    hideStage();
    return;
  }
  put(ready);
  part("words").value = "";
  form.requestSubmit();
}

/** Of a link that was dropped or pasted: this site's own pictures come from here, others the server fetches. */
async function takeLink(link) {
  const { origin, protocol } = new URL(link);
  if (origin === location.origin) {
    const blob = await (await fetch(link)).blob();
    take(new File([blob], "picture", { type: blob.type }));
  } else if (/^https?:$/.test(protocol) && "addresses" in form.dataset) {
    part("photo").value = "";
    part("words").value = link;
    form.requestSubmit();
  } else {
    complain(translated("That was only a link"), translated("Save the picture first, or copy it and paste it here."));
  }
}

const isLink = (text) => /^https?:\/\/\S+$/i.test(text.trim()) && URL.canParse(text.trim());

function linkOf(transfer) {
  const lines = transfer.getData("text/uri-list") || transfer.getData("text/plain");
  return lines.split("\n").map((line) => line.trim()).find((line) => line && !line.startsWith("#")) ?? "";
}

const filesOf = (transfer) => [...(transfer?.files ?? [])];

function listenToChoosing() {
  part("photo").addEventListener("change", (event) => {
    if (event.target.files.length) take(...event.target.files);
  });
  document.addEventListener("sightline:photo", (event) => take(event.detail));
}

function listenToPasting() {
  document.addEventListener("paste", (event) => {
    const files = filesOf(event.clipboardData);
    const link = linkOf(event.clipboardData);
    if (files.length) take(...files);
    else if (isLink(link) && !event.target.closest("input, textarea")) takeLink(link);
    else return; // words go where the cursor is
    event.preventDefault();
  });
}

function listenToDropping() {
  let depth = 0;
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].some((t) => t === "Files" || t === "text/uri-list");
  const over = (on) => {
    form.classList.toggle("dragging", on);
    if (!part("drop")) veil.hidden = !on;
  };
  document.addEventListener("dragenter", (event) => {
    if (carries(event)) over(++depth > 0);
  });
  document.addEventListener("dragleave", (event) => {
    if (carries(event)) over(--depth > 0);
  });
  document.addEventListener("dragover", (event) => {
    if (carries(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    depth = 0;
    over(false);
    const files = filesOf(event.dataTransfer);
    const link = linkOf(event.dataTransfer);
    if (files.length) take(...files);
    else if (URL.canParse(link)) takeLink(link);
  });
}

function listenToSending() {
  form.addEventListener("htmx:beforeRequest", () => {
    notice.replaceChildren();
    const [file, ...others] = part("photo").files;
    const words = isLink(part("words").value) ? translated("Fetching the picture…") : translated("Searching…");
    const photos = others.length ? translated("Sending your {count} photos…", { count: others.length + 1 }) : translated("Sending your photo…");
    showStage(file ? photos : words, file);
  });
  form.addEventListener("htmx:xhr:progress", (event) => {
    const { loaded, total, lengthComputable } = event.detail;
    if (!lengthComputable || form.getAttribute("aria-busy") !== "true") return;
    part("stage-progress").value = loaded / total;
    if (loaded < total) return;
    part("stage-progress").removeAttribute("value");
    part("stage-words").textContent = translated("Searching…");
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    // A success goes on to the results: the stage stays until they come, unless they have come with it.
    if (!event.detail.successful || event.detail.xhr.getResponseHeader("HX-Reselect")) hideStage();
  });
  form.addEventListener("htmx:sendError", () => {
    complain(translated("The server cannot be reached"), translated("Check your connection and try again."));
  });
  part("stage-cancel").addEventListener("click", () => {
    globalThis.htmx.trigger(form, "htmx:abort");
    part("photo").value = "";
    hideStage();
  });
  form.addEventListener("submit", (event) => { pressed = event.submitter; });
  // Somebody who writes words and presses Enter means the words, not the photo of the time before.
  part("words").addEventListener("input", () => { part("photo").value = ""; });
}

function listenToRetrying() {
  notice.addEventListener("click", (event) => {
    if (event.target.closest("[data-retry]")) form.requestSubmit(pressed);
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    part("photo").value = "";
    hideStage();
  });
}

if (form) {
  listenToChoosing();
  listenToPasting();
  listenToDropping();
  listenToSending();
  listenToRetrying();
}

// Files and folders for an import, sent in pieces: a line that breaks, or a page that is closed, costs no more than a piece.

const PIECE_BYTES = 8 * 1024 * 1024;
const AT_ONCE = 3;
const RETRY_MS = [0, 1000, 3000, 5000, 10_000, 20_000];
const FAILED_SHOWN = 200;
const TABLE = /\.(csv|tsv|tab|xlsx|ods)$/i;

/** Return a short name of a selection: the same files give the same one. */
function markOf(files) {
  let one = 0x811c9dc5;
  let two = 0x1b873593;
  for (const { path, file } of files) {
    for (const sign of `${path}|${file.size}|${file.lastModified}\n`) {
      one = Math.imul(one ^ sign.codePointAt(0), 0x01000193);
      two = Math.imul(two + sign.codePointAt(0), 0x85ebca6b) ^ (two >>> 13);
    }
  }
  return `${files.length}-${(one >>> 0).toString(16)}${(two >>> 0).toString(16)}`;
}

/** Return a random UUID; `crypto.randomUUID` is missing where a site is served without TLS. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

async function entriesOf(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) { // a reader gives a hundred at a time
    const some = await new Promise((done, failed) => { reader.readEntries(done, failed); });
    if (!some.length) return found;
    found.push(...some);
  }
}

/** Return the files below a dropped entry, each with its path. */
async function filesBelow(entry) {
  if (entry.isFile) {
    const file = await new Promise((done, failed) => { entry.file(done, failed); });
    return [{ path: entry.fullPath.replace(/^\//, ""), file }];
  }
  const found = [];
  for (const each of await entriesOf(entry)) found.push(...await filesBelow(each));
  return found;
}

/** Return the files that were dropped, with those in dropped folders. What is dropped is known at once only, so look first. */
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ path: file.name, file }));
  const found = [];
  for (const entry of entries) found.push(...await filesBelow(entry));
  return found;
}

function chosen(input) {
  return [...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

function reasonOf(error) {
  try {
    return JSON.parse(error.originalResponse.getBody()).error.message;
  } catch {
    return translated("The line broke.");
  }
}

class Sending {
  constructor(form, files, check) {
    Object.assign(this, { form, files, check, sent: new Map(), active: new Map(), failed: new Map(), waiting: [], done: 0, stopped: false });
    this.key = `sightline-upload:${form.dataset.collection}:${markOf(files)}`;
    this.batch = localStorage.getItem(this.key) || newId();
    localStorage.setItem(this.key, this.batch);
    this.bytes = files.reduce((sum, { file }) => sum + file.size, 0);
    this.headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
  }

  part(name) {
    return this.form.querySelector(`[data-${name}]`);
  }

  async run(files = this.files) {
    this.waiting = [...files];
    this.part("state").hidden = false;
    const lane = async () => {
      while (this.waiting.length && !this.stopped) await this.send(this.waiting.shift());
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    this.show();
    if (!this.stopped && !this.failed.size) await this.import();
  }

  async send(one) {
    if (!one.file.size) {
      this.failed.set(one, translated("It is empty."));
      return;
    }
    await new Promise((done) => {
      const upload = new tus.Upload(one.file, this.options(one, done));
      this.active.set(one, upload);
      upload.findPreviousUploads().then((former) => {
        if (former.length) upload.resumeFromPreviousUpload(former[0]);
        upload.start();
      });
    });
    this.active.delete(one);
    this.show();
  }

  options(one, done) {
    const { collection, uploads } = this.form.dataset;
    return {
      endpoint: uploads,
      chunkSize: PIECE_BYTES,
      retryDelays: RETRY_MS,
      headers: this.headers,
      metadata: { filename: one.path, collection, batch: this.batch },
      fingerprint: () => Promise.resolve(`${this.batch}:${one.path}:${one.file.size}:${one.file.lastModified}`),
      removeFingerprintOnSuccess: false,
      onShouldRetry: (error) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        return !this.stopped && (!status || status >= 500 || [408, 409, 423, 429, 460].includes(status));
      },
      onProgress: (sent) => {
        this.sent.set(one, sent);
        this.show();
      },
      onSuccess: () => {
        this.sent.set(one, one.file.size);
        this.done += 1;
        done();
      },
      onError: (error) => {
        this.failed.set(one, reasonOf(error));
        done();
      },
    };
  }

  show() {
    const sent = [...this.sent.values()].reduce((sum, bytes) => sum + bytes, 0);
    const share = this.bytes ? sent / this.bytes : 0;
    const number = (count) => count.toLocaleString(document.documentElement.lang);
    const facts = { done: number(this.done), all: number(this.files.length), share: Math.floor(share * 100) };
    this.part("whole").value = share;
    this.part("said").textContent = this.failed.size
      ? translated("{done} of {all} files, {share} %, {failed} failed", { ...facts, failed: number(this.failed.size) })
      : translated("{done} of {all} files, {share} %", facts);
    const rows = [...this.active.keys()].map((one) => this.row(one));
    for (const [one, reason] of [...this.failed].slice(0, FAILED_SHOWN)) rows.push(this.row(one, reason));
    this.part("files").replaceChildren(...rows);
    const over = !this.active.size && !this.waiting.length && !this.stopped;
    this.part("stop").hidden = over || this.stopped;
    this.part("again").hidden = !over || !this.failed.size;
    this.part("without").hidden = !over || !this.failed.size || !this.done;
  }

  row(one, reason) {
    const row = document.createElement("li");
    const name = Object.assign(document.createElement("bdi"), { textContent: one.path });
    const state = reason
      ? Object.assign(document.createElement("span"), { textContent: reason })
      : Object.assign(document.createElement("progress"), { max: one.file.size || 1, value: this.sent.get(one) || 0 });
    if (!reason) state.setAttribute("aria-label", one.path);
    row.append(name, state);
    return row;
  }

  again() {
    const files = [...this.failed.keys()];
    this.failed.clear();
    return this.run(files);
  }

  async without() {
    for (const one of this.failed.keys()) await this.giveUp(one);
    this.failed.clear();
    await this.import();
  }

  async giveUp(one) {
    const former = await new tus.Upload(one.file, this.options(one, () => {})).findPreviousUploads();
    for (const { uploadUrl } of former) if (uploadUrl) await tus.Upload.terminate(uploadUrl, { headers: this.headers }).catch(() => {});
  }

  stop() {
    this.stopped = true;
    for (const upload of this.active.values()) upload.abort();
    this.active.clear();
    this.show();
    this.part("said").textContent = translated("Stopped. Choose the same files to go on.");
  }

  async import() {
    if (!this.done) return;
    for (const name of ["stop", "again", "without"]) this.part(name).hidden = true;
    this.part("said").textContent = translated("The files are there. The import begins…");
    const { collection } = this.form.dataset;
    const asked = {
      batch: this.batch,
      collection,
      extra_columns: this.form.elements.extra_columns.checked ? "metadata" : "refuse",
      dry_run: this.check,
    };
    for (const name of ["character_recognition", "letters"]) {
      if (this.form.elements[name].value) asked[name] = this.form.elements[name].value;
    }
    const answer = await fetch(this.form.dataset.import, {
      method: "POST",
      headers: { ...this.headers, "Content-Type": "application/json" },
      body: JSON.stringify(asked),
    }).catch(() => null);
    if (answer?.ok) {
      this.forget();
      location.reload();
      return;
    }
    const said = await answer?.json().catch(() => null);
    this.part("said").textContent = said?.error.message ?? translated("The line broke. Everything that was sent is there: try again.");
    this.part("again").hidden = Boolean(said);
  }

  forget() {
    localStorage.removeItem(this.key);
    for (const key of Object.keys(localStorage)) if (key.startsWith("tus::") && key.includes(this.batch)) localStorage.removeItem(key);
  }
}

function follow(form) {
  let sending = null;
  const part = (name) => form.querySelector(`[data-${name}]`);
  const begin = (files, check) => {
    if (!files.length || (sending && !sending.stopped && sending.active.size)) return;
    part("stop").hidden = false;
    sending = new Sending(form, files, check);
    sending.run();
  };

  const asksMore = (names) => form.elements.ask.checked || (names.length === 1 && TABLE.test(names[0]));

  form.addEventListener("submit", (event) => {
    const files = chosen(form.elements.file);
    if (asksMore(files.map(({ path }) => path))) return; // a page asks more
    event.preventDefault();
    begin(files, event.submitter?.name === "check");
  });
  part("folder").addEventListener("change", (event) => { begin(chosen(event.target), false); });
  part("again").addEventListener("click", () => { sending?.again(); });
  part("without").addEventListener("click", () => { sending?.without(); });
  part("stop").addEventListener("click", () => { sending?.stop(); });

  const zone = part("drop");
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("is-over");
  });
  zone.addEventListener("dragleave", () => { zone.classList.remove("is-over"); });
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("is-over");
    const found = await dropped(event.dataTransfer);
    if (found.every(({ path }) => !path.includes("/")) && asksMore(found.map(({ path }) => path))) {
      const transfer = new DataTransfer();
      for (const { file } of found) transfer.items.add(file);
      form.elements.file.files = transfer.files;
      form.requestSubmit();
      return;
    }
    begin(found, false);
  });
}

const form = document.querySelector("form[data-uploads]");
if (form && window.tus?.isSupported) follow(form);

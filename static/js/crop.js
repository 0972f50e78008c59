// Choosing a part of the photo that was searched with: drawn and dragged by mouse or finger, moved by keys.

const PLACES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const SIDE_MIN = 0.04;
const STEP = 0.02;
const FIRST = { left: 0.2, top: 0.2, width: 0.6, height: 0.6 };
const SPOKEN_AFTER_MS = 400;

const dialog = document.querySelector("[data-crop-dialog]");
const shown = document.querySelector("[data-crop-shown]");
const part = (name) => dialog.querySelector(`[data-crop-${name}]`);

let box = FIRST; // fractions of the photo as it is drawn here
let turn = 0;
let speaking = 0;

const clamp = (value, least, most) => Math.min(Math.max(value, least), most);
const percent = (share) => `${(100 * share).toFixed(2)}%`;

function say() {
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    const [left, top, width, height] = [box.left, box.top, box.width, box.height].map((share) => Math.round(100 * share));
    part("words").textContent = translated(
      "{left} % from the left, {top} % from the top, {width} % wide, {height} % high",
      { left, top, width, height },
    );
  }, SPOKEN_AFTER_MS);
}

function place(next) {
  box = next;
  Object.assign(part("box").style, {
    left: percent(box.left), top: percent(box.top), width: percent(box.width), height: percent(box.height),
  });
  say();
}

/** Draw the photo as it is turned now. */
function draw() {
  const canvas = part("canvas");
  const upright = turn % 180 === 0;
  const { naturalWidth: width, naturalHeight: height } = shown;
  canvas.width = upright ? width : height;
  canvas.height = upright ? height : width;
  const pen = canvas.getContext("2d");
  pen.translate(canvas.width / 2, canvas.height / 2);
  pen.rotate((turn * Math.PI) / 180);
  pen.drawImage(shown, -width / 2, -height / 2);
}

function rotate() {
  turn = (turn + 90) % 360;
  draw();
  place({ left: 1 - box.top - box.height, top: box.left, width: box.height, height: box.width });
}

function moved(from, right, down) {
  return {
    ...from,
    left: clamp(from.left + right, 0, 1 - from.width),
    top: clamp(from.top + down, 0, 1 - from.height),
  };
}

/** Return the box with the edges that a handle names (n, e, s, w) moved. */
function resized(from, edges, right, down) {
  const [east, south] = [from.left + from.width, from.top + from.height];
  const left = edges.includes("w") ? clamp(from.left + right, 0, east - SIDE_MIN) : from.left;
  const top = edges.includes("n") ? clamp(from.top + down, 0, south - SIDE_MIN) : from.top;
  const end = edges.includes("e") ? clamp(east + right, left + SIDE_MIN, 1) : east;
  const foot = edges.includes("s") ? clamp(south + down, top + SIDE_MIN, 1) : south;
  return { left, top, width: end - left, height: foot - top };
}

function between(one, other) {
  const [left, top] = [Math.min(one.x, other.x), Math.min(one.y, other.y)];
  return { left, top, width: Math.abs(one.x - other.x), height: Math.abs(one.y - other.y) };
}

function point(event) {
  const area = part("view").getBoundingClientRect();
  return {
    x: clamp((event.clientX - area.left) / area.width, 0, 1),
    y: clamp((event.clientY - area.top) / area.height, 0, 1),
  };
}

/** Follow a pointer until it is lifted: by a handle, by the box, or drawing a new one. */
function drag(event) {
  if (event.button) return;
  event.preventDefault();
  const view = part("view");
  const [start, before] = [point(event), box];
  const edges = event.target.dataset.cropHandle;
  const inside = part("box").contains(event.target);
  const follow = (now) => {
    const at = point(now);
    const [right, down] = [at.x - start.x, at.y - start.y];
    if (edges) place(resized(before, edges, right, down));
    else place(inside ? moved(before, right, down) : between(start, at));
  };
  const lifted = () => {
    view.removeEventListener("pointermove", follow);
    if (box.width < SIDE_MIN || box.height < SIDE_MIN) place(before); // a click beside the box
    part("box").focus();
  };
  view.setPointerCapture(event.pointerId);
  view.addEventListener("pointermove", follow);
  view.addEventListener("lostpointercapture", lifted, { once: true });
}

function step(event) {
  const [right, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [];
  if (event.key === "Enter") part("form").requestSubmit();
  else if (right === undefined) return;
  else if (event.shiftKey) place(resized(box, "se", right * STEP, down * STEP));
  else place(moved(box, right * STEP, down * STEP));
  event.preventDefault();
}

function send(event) {
  const whole = event.submitter?.hasAttribute("data-crop-whole");
  const numbers = [box.left, box.top, box.width, box.height].map((share) => share.toFixed(4));
  part("value").value = whole ? "" : numbers.join(",");
  part("turn").value = turn;
}

async function open() {
  await shown.decode();
  const kept = shown.dataset.cropShown.split(",").map(Number);
  const [left, top, width, height] = kept;
  turn = 0;
  draw();
  dialog.showModal();
  place(kept.length === 4 ? { left, top, width, height } : FIRST);
  part("box").focus();
}

function handles() {
  for (const edges of PLACES) {
    const handle = document.createElement("span");
    handle.className = `crop-handle ${edges}`;
    handle.dataset.cropHandle = edges;
    part("box").append(handle);
  }
}

if (dialog && shown) {
  handles();
  document.querySelector("[data-crop-open]").addEventListener("click", open);
  part("close").addEventListener("click", () => dialog.close());
  part("rotate").addEventListener("click", rotate);
  part("view").addEventListener("pointerdown", drag);
  part("box").addEventListener("keydown", step);
  part("form").addEventListener("submit", send);
}

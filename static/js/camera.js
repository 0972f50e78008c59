// Taking a photo: the phone's own camera app, or a dialog with the live picture on other machines.

const LONGEST_SIDE_PX = 1600;
const JPEG_QUALITY = 0.92;

const button = document.querySelector("[data-camera]");
const dialog = document.querySelector("[data-camera-dialog]");

const REASONS = {
  NotAllowedError: translated("The browser may not use the camera. Allow it beside the address, then try again."),
  NotFoundError: translated("No camera was found on this device."),
  NotReadableError: translated("The camera is being used by another program."),
};

let stream = null;
let facing = "environment";

const part = (name) => dialog.querySelector(`[data-camera-${name}]`);

function hand(file) {
  document.dispatchEvent(new CustomEvent("sightline:photo", { detail: file }));
}

/** Phones have better camera apps than a web page: open theirs. */
function openApp() {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = "image/*";
  input.setAttribute("capture", "environment");
  input.addEventListener("change", () => { if (input.files[0]) hand(input.files[0]); });
  input.click();
}

function stop() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  part("video").srcObject = null;
}

function showWords(words) {
  part("words").textContent = words;
  part("words").hidden = !words;
  part("video").hidden = Boolean(words);
  part("shoot").disabled = Boolean(words);
}

async function offerSwitch() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  part("switch").hidden = devices.filter((device) => device.kind === "videoinput").length < 2;
}

async function start() {
  stop();
  showWords(translated("Waiting for the camera…"));
  try {
    const wanted = { facingMode: facing, width: { ideal: 1600 }, height: { ideal: 1200 } };
    const opened = await navigator.mediaDevices.getUserMedia({ video: wanted });
    if (!dialog.open) { // closed while the browser asked for permission
      for (const track of opened.getTracks()) track.stop();
      return;
    }
    stream = opened;
    part("video").srcObject = stream;
    await part("video").play();
    showWords("");
    part("shoot").focus();
    await offerSwitch();
  } catch (error) {
    if (dialog.open) showWords(REASONS[error.name] ?? translated("The camera cannot be used here."));
  }
}

function shoot() {
  const video = part("video");
  const scale = Math.min(1, LONGEST_SIDE_PX / Math.max(video.videoWidth, video.videoHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => {
    dialog.close();
    hand(new File([blob], "camera.jpg", { type: "image/jpeg" }));
  }, "image/jpeg", JPEG_QUALITY);
}

function open() {
  if (matchMedia("(pointer: coarse)").matches) {
    openApp();
    return;
  }
  dialog.showModal();
  start();
}

if (button && dialog && (navigator.mediaDevices?.getUserMedia || matchMedia("(pointer: coarse)").matches)) {
  button.hidden = false;
  button.addEventListener("click", open);
  part("close").addEventListener("click", () => dialog.close());
  part("shoot").addEventListener("click", shoot);
  part("switch").addEventListener("click", () => {
    facing = facing === "environment" ? "user" : "environment";
    start();
  });
  dialog.addEventListener("close", stop);
}

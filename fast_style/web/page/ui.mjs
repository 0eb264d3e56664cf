// The controls and what they say. Nothing here decides anything: it only reads and writes the page.

/** Returns the element with an id. */
export const $ = (id) => document.getElementById(id);

/** Longer sides that can be chosen, in pixels, from quick to fine. */
const SIZES = [320, 480, 640, 960, 1280];
const SPEED_INTERVAL = 1500; // ms between two announcements of the speed
const SPEED_WINDOW = 3000; // ms over which the speed is measured

// ---------------------------------------------------------------- controls

/** The chosen longer side, in pixels. */
export const chosenSize = () => SIZES[$("size").value];

/** The chosen strength: 0 is the photo, 1 the painting. */
export const chosenStrength = () => Number($("strength").value);

/** Sets the control for the strength. */
export function setStrength(strength) {
  $("strength").value = strength;
  showStrength();
}

/** Shows a style's name, its credit, and whether it takes a strength. */
export function showStyleDetails({ title, credit, inputs }) {
  const range = inputs.strength;
  const strength = $("strength");
  strength.disabled = !range;
  const [left, right] = $("strength-ends").children;
  left.textContent = range ? "photo" : "this style has no dial";
  right.textContent = range ? "painting" : "";
  Object.assign(strength, { min: range?.minimum ?? 0, max: range?.maximum ?? 1.5 });
  if (!range || !strength.dataset.touched) strength.value = range?.default ?? 1;
  showStrength();
  $("title").textContent = title;
  $("credit").textContent = credit === "not named" ? "" : credit;
  document.title = `${title} · fast style`;
  $("stylized").setAttribute("aria-label", `The picture, repainted as ${title}`);
}

function showStrength() {
  const percent = `${Math.round($("strength").value * 100)} %`;
  $("strength-value").textContent = percent;
  $("strength").setAttribute("aria-valuetext", percent);
}

function showSize() {
  const pixels = `${chosenSize()} px`;
  $("size-value").textContent = pixels;
  $("size").setAttribute("aria-valuetext", `${pixels} on the longer side`);
}

function showSplit() {
  $("picture").style.setProperty("--split", `${$("split").value}%`);
  $("split").setAttribute("aria-valuetext", `${$("split").value} % original`);
}

/** Sets the buttons to what a source allows, and the size to what the engine does quickly, unless one was chosen. */
export function showSource({ kind, live, mirrored }, backend) {
  $("record").disabled = !live || !window.MediaRecorder;
  $("camera").setAttribute("aria-pressed", String(live));
  $("camera").querySelector("span").textContent = live ? "Stop" : "Camera";
  $("camera").querySelector("use").setAttribute("href", live ? "#icon-stop" : "#icon-camera");
  $("camera-options").hidden = kind !== "camera";
  $("hint").hidden = kind === "camera";
  showMirrored(mirrored);
  if ($("size").dataset.touched) return;
  const [forLive, forStill] = backend === "webgpu" ? [2, 3] : [0, 2];
  $("size").value = live ? forLive : forStill;
  showSize();
}

/** Shows whether the camera's picture is mirrored. */
export function showMirrored(mirrored) {
  $("mirror").setAttribute("aria-pressed", String(mirrored));
}

/** Offers another camera where there are several. */
export function showCameraCount(count) {
  $("switch").hidden = count < 2;
}

/** Sets the controls to whether a clip is recorded. */
export function showRecording(active) {
  const button = $("record");
  $("size").disabled = active; // a clip has one size
  button.setAttribute("aria-pressed", String(active));
  if (active) button.setAttribute("aria-label", "Stop recording");
  else button.removeAttribute("aria-label");
  if (!active) button.querySelector("span").textContent = "Record";
  button.querySelector("use").setAttribute("href", active ? "#icon-stop" : "#icon-record");
}

/** Shows how long a clip is, in seconds. */
export function showRecordingTime(seconds) {
  $("record").querySelector("span").textContent = `${Math.floor(seconds / 60)}:${`${seconds % 60}`.padStart(2, "0")}`;
}

/** Sets up the controls that only change what is painted or shown; `repaint()` is called when a painting is due. */
export function listenToControls(repaint) {
  $("size-note").textContent = `Saved at this size, ${SIZES.at(-1)} px at most.`;
  showSize();
  showSplit();
  $("split").oninput = showSplit;
  for (const [id, show] of [["strength", showStrength], ["size", showSize]])
    $(id).oninput = () => {
      $(id).dataset.touched = "yes";
      show();
      repaint();
    };
}

/** Calls `open(file)` for each file that is chosen, dropped or pasted. */
export function listenToFiles(open) {
  $("choose").onclick = () => $("file").click();
  $("file").onchange = () => {
    open($("file").files[0]);
    $("file").value = ""; // so that the same file can be chosen again
  };
  addEventListener("paste", ({ clipboardData }) => open([...clipboardData.files][0]));
  let depth = 0; // how many nested elements a file is dragged over
  const enter = (by) => $("picture").classList.toggle("dropping", (depth = Math.max(0, depth + by)) > 0);
  const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => hasFiles(event) && enter(1));
  addEventListener("dragleave", (event) => hasFiles(event) && enter(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    enter(-depth);
    open(event.dataTransfer.files[0]);
  });
}

// ---------------------------------------------------------------- messages

const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

/** Writes a number of bytes for people to read. */
export const bytesText = (bytes) => (bytes < 1e5 ? `${Math.round(bytes / 1e3)} kB` : `${megabytes(bytes)} MB`);

/** Shows a message with a button that closes it; `kind` is "info", "warning" or "error". */
export function say(text, kind = "info") {
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: "×", onclick: hush });
  close.setAttribute("aria-label", "Close this message");
  const words = Object.assign(document.createElement("p"), { textContent: text });
  $("notice").replaceChildren(words, close);
  $("notice").dataset.kind = kind;
}

/** Takes the message away. */
export function hush() {
  $("notice").replaceChildren();
}

/** Shows how far a download is, or hides the bar where there is none (`null`). */
export function showProgress(progress) {
  $("loading").hidden = !progress;
  if (!progress) return;
  const { what, done, total } = progress;
  $("loading-text").textContent = `${what}, ${megabytes(done)} of ${bytesText(total)}`;
  $("progress").value = done / total;
}

/** Says that a still picture is being painted. */
export function showPainting() {
  $("picture").setAttribute("aria-busy", "true");
  $("speed").textContent = "Painting …";
}

let frameTimes = []; // when the latest live paintings were shown
let announced = 0; // when the speed was last said

/** Says how long a picture took, or how many frames a live source gets in a second. */
export function showSpeed(live, seconds) {
  const now = performance.now();
  if (!live) {
    const took = seconds < 0.1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
    $("speed").textContent = `Painted in ${took}`;
    return;
  }
  frameTimes = [...frameTimes.filter((time) => now - time < SPEED_WINDOW), now].slice(-60);
  if (frameTimes.length < 3 || (now - announced < SPEED_INTERVAL && $("speed").dataset.live)) return;
  announced = now;
  const rate = ((frameTimes.length - 1) * 1000) / (now - frameTimes[0]);
  $("speed").dataset.live = "yes";
  $("speed").dataset.rate = rate.toFixed(2);
  $("speed").textContent = `${rate < 10 ? rate.toFixed(1) : Math.round(rate)} frames a second`;
}

/** Takes away what was said of the speed. */
export function clearSpeed() {
  $("speed").textContent = "";
}

/** Starts measuring the speed anew, for a new source. */
export function forgetSpeed() {
  frameTimes = [];
}

const GPU_REASONS = {
  card: "This device’s graphics card paints, by WebGPU.",
  missing: "This browser has no WebGPU, so the processor paints, by WebAssembly. A current Chrome, Edge or Safari can use the graphics card.",
  insecure: "Browsers give WebGPU to secure pages alone, and this one came over plain http, so the processor paints, by WebAssembly.",
  none: "This browser has WebGPU but offers no graphics card, so the processor paints, by WebAssembly.",
  software: "WebGPU is only imitated on this device, without a graphics card. The processor paints faster directly, by WebAssembly.",
  failed: "The graphics card failed at this model, so the processor paints, by WebAssembly.",
};

/** Says what runs the models, and why. */
export function showEngine({ backend, threads, isolated, gpu }) {
  const some = threads === 1 ? "one thread" : `${threads} threads`;
  $("engine-name").textContent = backend === "webgpu" ? "WebGPU" : `WebAssembly, ${some}`;
  const byChoice = gpu === "card" ? "The processor paints, by WebAssembly." : GPU_REASONS[gpu];
  const lines = [backend === "webgpu" ? GPU_REASONS.card : byChoice];
  if (backend === "wasm" && !isolated)
    lines.push("One thread only, because this page came without the headers that threads need (COOP and COEP).");
  if (!window.isSecureContext) lines.push("Over plain http nothing is kept for the next visit, either.");
  lines.push("Pictures never leave this device.");
  $("engine-why").textContent = lines.join(" ");
}

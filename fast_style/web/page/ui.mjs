// The controls and what they say. Nothing here decides anything: it only reads and writes the page.

/** Returns the element with an id. */
export const $ = (id) => document.getElementById(id);

/** Longer sides that can be chosen, in pixels, from quick to fine. */
const SIZES = [320, 480, 640, 960, 1280];
/** More pixels on a side fit into no canvas of all browsers. */
export const LARGEST_SIDE = 16_384;
/** Pixels of a picture that fit into memory with what its painting takes, for each gigabyte of the device. */
const PIXELS_PER_GIGABYTE = 3.2e6;
const SPEED_INTERVAL = 1500; // ms between two announcements of the speed
const SPEED_WINDOW = 3000; // ms over which the speed is measured
const MOMENT = 400; // ms that a painting may take without a word

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

/** Sets the controls to a style, and brings it into sight in the list; `cell` is its place there. */
export function showChosenStyle({ inputs }, cell) {
  const range = inputs.strength;
  const strength = $("strength");
  strength.disabled = !range;
  const [left, right] = $("strength-ends").children;
  left.textContent = range ? "photo" : "this style has no dial";
  right.textContent = range ? "painting" : "";
  Object.assign(strength, { min: range?.minimum ?? 0, max: range?.maximum ?? 1.5 });
  if (!range || !strength.dataset.touched) strength.value = range?.default ?? 1;
  showStrength();
  showInStrip(cell);
}

/** Scrolls the list alone; `scrollIntoView` would move the page, too. */
function showInStrip(cell) {
  const [frame, place] = [$("strip"), cell].map((element) => element.getBoundingClientRect());
  const by = (before, after) => (before < 0 ? before : Math.max(0, after));
  $("strip").scrollBy({
    left: by(place.left - frame.left - 24, place.right - frame.right + 48),
    top: by(place.top - frame.top - 8, place.bottom - frame.bottom + 24),
  });
}

/** Offers the choice between quick and fine where a painting has both. */
export function showEffort(several, isFinest) {
  $("effort").hidden = !several;
  $(isFinest ? "finer" : "faster").checked = true;
}

/** Names the style of the painting that is shown. */
export function showCaption({ title, credit }) {
  $("title").textContent = title;
  $("credit").textContent = credit === "not named" ? "" : credit;
  document.title = `${title} · fast style`;
  $("stylized").setAttribute("aria-label", `The picture, repainted as ${title}`);
}

/** Sets what can be kept to whether there is a painting; of a new picture there is none yet. */
export function showPainted(painted, source, canvas) {
  $("picture").dataset.state = painted ? "painted" : "plain";
  for (const id of ["save", "copy", "share"]) $(id).disabled = !painted;
  $("record").disabled = !painted || !source.live || !window.MediaRecorder;
  const { width, height } = wholeSize(source, canvas);
  $("save-size").textContent = painted ? `${width}×${height}` : "";
  showSize(source);
  if (painted) return;
  $("title").textContent = source.kind === "photo" ? "Your photo" : "";
  $("credit").textContent = "";
  $("stylized").setAttribute("aria-label", "The picture, not painted yet");
}

/** Returns the size that a picture is saved at: a photo's own, or the largest that this device has the memory for. */
export function wholeSize({ kind, width, height }, canvas) {
  if (kind !== "photo") return { width: canvas.width, height: canvas.height };
  const [w, h] = [width(), height()];
  const pixels = PIXELS_PER_GIGABYTE * (navigator.deviceMemory ?? 5);
  const scale = Math.min(1, Math.sqrt(pixels / (w * h)), LARGEST_SIDE / Math.max(w, h));
  return { width: Math.round(w * scale), height: Math.round(h * scale) };
}

function showStrength() {
  const percent = `${Math.round($("strength").value * 100)} %`;
  $("strength-value").textContent = percent;
  $("strength").setAttribute("aria-valuetext", percent);
}

let sized; // the source whose size is shown

/** Shows the size that a source is painted at, which never exceeds its own. */
function showSize(source = sized) {
  sized = source;
  const longest = Math.max(source?.width() ?? 0, source?.height() ?? 0);
  const limited = Boolean(longest) && source.kind !== "scene";
  const side = limited ? Math.min(longest, chosenSize()) : chosenSize();
  const whole = limited && longest <= chosenSize();
  $("size-value").textContent = `${side} px`;
  $("size-most").textContent = whole ? "all there is" : "larger";
  $("size").setAttribute("aria-valuetext", `${side} pixels on the longer side${whole ? ", all there is" : ""}`);
}

function showSplit() {
  const split = Number($("split").value);
  $("picture").style.setProperty("--split", `${split}%`);
  $("split").setAttribute("aria-valuetext", `${split} % original`);
  // A tag says what lies under it.
  document.querySelector(".tag.before").hidden = split < 15;
  document.querySelector(".tag.after").hidden = split > 85;
}

/** Sets the buttons to what a source allows, and the size to what the engine does quickly, unless one was chosen. */
export function showSource({ kind, live, mirrored, element }, backend) {
  $("camera").setAttribute("aria-pressed", String(live));
  $("camera").querySelector("span").textContent = live ? "Stop" : "Camera";
  $("camera").querySelector("use").setAttribute("href", live ? "#icon-stop" : "#icon-camera");
  $("camera-options").hidden = kind !== "camera";
  $("record").hidden = !live;
  $("hint").hidden = kind === "camera";
  showMirrored(mirrored);
  $("player").hidden = kind !== "video";
  if (kind === "video") watchPlayer(element);
  if ($("size").dataset.touched) return;
  const [forLive, forStill] = backend === "webgpu" ? [2, 3] : [0, 2];
  $("size").value = live ? forLive : forStill;
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${`${Math.floor(seconds % 60)}`.padStart(2, "0")}`;

function watchPlayer(video) {
  const show = () => {
    $("play").setAttribute("aria-label", video.paused ? "Play" : "Pause");
    $("play").querySelector("use").setAttribute("href", video.paused ? "#icon-play" : "#icon-pause");
    const known = Number.isFinite(video.duration);
    $("seek").disabled = !known;
    if (!$("seek").matches(":active")) $("seek").value = known ? video.currentTime / video.duration : 0;
    const time = known ? `${clock(video.currentTime)} of ${clock(video.duration)}` : clock(video.currentTime);
    $("time").textContent = time;
    $("seek").setAttribute("aria-valuetext", time);
  };
  for (const event of ["timeupdate", "play", "pause", "durationchange", "seeked"]) video.addEventListener(event, show);
  show();
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
  $("record").querySelector("span").textContent = clock(seconds);
}

/** Sets up the controls that only change what is painted or shown; `repaint()` is called when a painting is due. */
export function listenToControls(repaint) {
  showSize();
  showSplit();
  $("split").oninput = showSplit;
  for (const [id, show] of [["strength", showStrength], ["size", () => showSize()]])
    $(id).oninput = () => {
      $(id).dataset.touched = "yes";
      show();
      repaint();
    };
  watchStrip();
}

/** Says whether the list of styles goes on beyond its edges, and lets it be shown whole. */
function watchStrip() {
  const strip = $("strip");
  const show = () => {
    const more = strip.scrollWidth > strip.clientWidth + 2 || strip.scrollHeight > strip.clientHeight + 2;
    const atEnd =
      strip.scrollLeft + strip.clientWidth >= strip.scrollWidth - 2 &&
      strip.scrollTop + strip.clientHeight >= strip.scrollHeight - 2;
    strip.dataset.more = more && !atEnd ? "yes" : "no";
    $("all-styles").hidden = !more && !$("styles").dataset.all;
  };
  strip.addEventListener("scroll", show, { passive: true });
  const observer = new ResizeObserver(show);
  for (const cell of strip.children) observer.observe(cell);
  // A screen that is turned shows other styles, but always the chosen one.
  new ResizeObserver(() => {
    show();
    const chosen = strip.querySelector(":checked");
    if (chosen) showInStrip(chosen.parentElement);
  }).observe(strip);
  const expand = (all) => {
    if (all) $("styles").dataset.all = "yes";
    else delete $("styles").dataset.all;
    $("all-styles").setAttribute("aria-expanded", String(all));
    $("all-styles").querySelector("span").textContent = all ? "Fewer" : `All ${strip.children.length}`;
    show();
  };
  expand(false);
  $("all-styles").onclick = () => expand(!$("styles").dataset.all);
  strip.addEventListener("change", () => {
    // On a narrow screen the whole list is below the picture, which the choice is for.
    if (!$("styles").dataset.all || $("picture").getBoundingClientRect().top >= 0) return;
    expand(false);
    scrollTo(0, 0);
  });
}

// ---------------------------------------------------------------- messages

const megabytes = (bytes) => (bytes / 1e6 < 9.5 ? (bytes / 1e6).toFixed(1) : `${Math.round(bytes / 1e6)}`);

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

/** Tells screen readers what others see. */
export function announce(text) {
  $("announcer").textContent = text;
}

let stopPainting = () => {}; // ends the painting that is under way
let stopOpening; // ends the opening of a file, while one is being opened
let appearing; // the timer that shows what takes longer than a moment

function showWork(text, share) {
  clearTimeout(appearing);
  $("loading-text").textContent = text;
  if (share === null) $("progress").removeAttribute("value");
  else $("progress").value = share;
  $("loading").hidden = false;
}

/** Calls `stop()` when the visitor ends the painting that is under way. */
export function listenToCancel(stop) {
  stopPainting = stop;
  $("cancel").onclick = () => (stopOpening ?? stopPainting)();
}

/** Says that a file is being opened, and how to stop that; or no more (`null`). */
export function showOpening(text, stop) {
  if (text) showWork(text, null);
  else if (stopOpening) $("loading").hidden = true;
  stopOpening = stop;
}

/**
 * Shows how far a painting is, or that none is under way (`null`).
 *
 * @param {object | null} work The `style` that paints; whether it is `saving`; and a message of the engine, if one came.
 */
export function showPainting(work) {
  clearTimeout(appearing);
  if (!work) {
    $("picture").removeAttribute("aria-busy");
    $("loading").hidden = !stopOpening;
    return;
  }
  const { style, saving, type, what, done, total } = work;
  $("picture").setAttribute("aria-busy", "true");
  if (type === "download") {
    const name = what === "painter" ? "the painter" : style.title;
    return showWork(`Downloading ${name} (${megabytes(total)} MB, once)`, done / total);
  }
  const text = saving ? `Painting ${$("save-size").textContent} to save` : `Painting ${style.title}`;
  if (type === "progress") return showWork(`${text}, ${Math.round(100 * done)} %`, done);
  appearing = setTimeout(() => showWork(`${text} …`, null), $("loading").hidden ? MOMENT : 0);
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
  const slow = frameTimes.length - 2; // where a frame takes seconds, the latest ones count all the same
  frameTimes = [...frameTimes.filter((time, at) => at >= slow || now - time < SPEED_WINDOW), now].slice(-60);
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

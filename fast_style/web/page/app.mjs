// The page: what is looked at, which style, and what is shown. The arithmetic is done by engine.mjs, in a worker.

const $ = (id) => document.getElementById(id);

/** Longer sides, in pixels, from quick to fine. */
const SIZES = [320, 480, 640, 960, 1280];
/** The first that a browser can record. */
const CLIP_TYPES = ["video/mp4;codecs=avc1.640028", "video/mp4", "video/webm;codecs=vp9", "video/webm"];
const TAKEN_AGAIN = 1500; // ms between two announcements of the speed

const stylized = $("stylized").getContext("2d");
const original = $("original").getContext("2d", { willReadFrequently: true });
// What is sent to be painted is read from here, and shown only together with its painting.
const scratch = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

let models = [];
let model; // the style chosen
let shown; // {style, strength} of the painting that is shown, if one is
let failed = false; // the chosen style's painting, which a click tries again
// {kind: "scene" | "photo" | "video" | "camera", element, width(), height(), live, mirrored, unseen}
let source = { kind: "scene", width: () => 0, height: () => 0 };
let stream; // of the camera, while it runs
let recorder;

// ---------------------------------------------------------------- the engine

/** The worker, as promises. */
class Engine {
  #worker = new Worker(new URL("engine.mjs", import.meta.url), { type: "module" });
  #waiting = new Map(); // what is asked for -> its promise's functions
  #opened; // {name, promise}
  #id = 0;
  #broken; // why nothing more can be asked

  constructor(manifest) {
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message || "its worker can’t be started; this browser may be too old");
    };
    const asked = new URLSearchParams(location.search); // ?engine=wasm&threads=1, to compare
    this.#worker.postMessage({
      type: "start", engines: manifest.engines, models: manifest.models,
      engine: manifest.engines[asked.get("engine")] && asked.get("engine"),
      threads: Number(asked.get("threads")) || undefined,
    });
  }

  /** Fetches a model, if need be, and makes it the one that paints. */
  open(model) {
    if (this.#opened?.name !== model.name) {
      const promise = this.#ask("open", { type: "open", model });
      this.#opened = { name: model.name, promise };
      promise.catch(() => (this.#opened = undefined)).finally(() => showProgress(null));
    }
    return this.#opened.promise;
  }

  /** RGBA bytes to {pixels, seconds}, as large. */
  paint(image, strength) {
    const id = ++this.#id;
    const { data, width, height } = image;
    return this.#ask(id, { type: "paint", id, pixels: data, width, height, strength });
  }

  #ask(key, message) {
    return new Promise((resolve, reject) => {
      if (this.#broken) return reject(this.#broken);
      this.#waiting.set(key, { resolve, reject });
      this.#worker.postMessage(message);
    });
  }

  #hear(message) {
    const { type } = message;
    if (type === "engine") showEngine(message);
    else if (type === "progress") showProgress(message);
    else if (message.of === "start") this.#fail(message.message);
    else this.#answer(type === "opened" || message.of === "open" ? "open" : message.id, message);
  }

  #answer(key, message) {
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (message.type === "failed") waiting?.reject(new Error(message.message));
    else waiting?.resolve(message);
  }

  #fail(why) {
    this.#broken = new Error(`The engine can’t run: ${why}.`);
    for (const { reject } of this.#waiting.values()) reject(this.#broken);
    this.#waiting.clear();
    say(this.#broken.message, "error");
  }
}

let engine;
let backend; // "webgpu" or "wasm", once the worker knows

// ---------------------------------------------------------------- painting

let wanted = false; // a painting that nobody has begun
let painting = false;
let times = []; // when the latest live paintings were shown

/** Asks for the picture to be painted anew; a live one is painted again and again. */
function repaint() {
  wanted = true;
  if (!painting) paintAll();
}

async function paintAll() {
  painting = true;
  try {
    while (wanted || source.live) {
      wanted = false;
      if (source.live) await nextFrame();
      await paintOnce();
    }
  } catch (error) {
    if (source.live && !wanted) await freeze();
    $("speed").textContent = "";
    if (wanted) say(error.message, "error"); // what was chosen meanwhile comes next
    else goBack(error.message);
  } finally {
    painting = false;
    $("picture").removeAttribute("aria-busy");
    if (wanted) repaint();
  }
}

/** After a failure: what is chosen is once more what is seen, so that caption, dial and saved files tell the truth. */
function goBack(why) {
  if (shown && shown.style !== model) {
    const { style, strength } = shown;
    chooseModel(style);
    $("strength").value = strength;
    showStrength();
  } else failed = true;
  say(why, "error");
}

async function paintOnce() {
  const [from, style] = [source, model];
  const width = from.width(), height = from.height();
  if (!width || !height) return;
  if (from.unseen) showUnpainted(from);
  if (!from.live) {
    $("picture").setAttribute("aria-busy", "true");
    $("speed").textContent = "Painting …";
  }
  await engine.open(style);
  if (from !== source || style !== model) return void (wanted = true);
  const image = take(from, SIZES[$("size").value]);
  const { pixels, seconds } = await engine.paint(image, Number($("strength").value));
  // A style or a source that was chosen meanwhile: its own painting comes next.
  if (from !== source || style !== model) return void (wanted = true);
  show(image, new ImageData(pixels, image.width, image.height));
  showSpeed(from.live, seconds);
}

/** The pixels of a source as they are now, at most so large and never enlarged, over white. */
function take(from, longest) {
  const width = from.width(), height = from.height();
  const scale = Math.min(1, longest / Math.max(width, height));
  const step = from.live ? 2 : 1; // clips have even sides
  const [w, h] = [width, height].map((side) => Math.max(step, step * Math.round((side * scale) / step)));
  const canvas = scratch.canvas;
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  scratch.imageSmoothingQuality = "high";
  scratch.setTransform(from.mirrored ? -1 : 1, 0, 0, 1, from.mirrored ? w : 0, 0);
  scratch.fillStyle = "white";
  scratch.fillRect(0, 0, w, h);
  scratch.drawImage(from.element, 0, 0, w, h);
  return scratch.getImageData(0, 0, w, h);
}

/** What was chosen is seen at once, before its painting, which may have to wait for a download. */
function showUnpainted(from) {
  from.unseen = false;
  const image = take(from, SIZES[$("size").value]);
  show(image, image);
  notPainted();
}

function notPainted() {
  shown = undefined;
  delete $("picture").dataset.painted;
  $("save").disabled = true;
}

function nowPainted() {
  shown = { style: model, strength: $("strength").value };
  failed = false;
  $("save").disabled = false;
}

/** Both halves at once, so that they are always of the same moment. */
function show(image, result) {
  const { width, height } = image;
  if (stylized.canvas.width !== width || stylized.canvas.height !== height) {
    if (recorder) stopRecording(); // a clip has one size
    resize(width, height);
  }
  original.putImageData(image, 0, 0);
  stylized.putImageData(result, 0, 0);
  $("picture").dataset.painted = model.name;
  nowPainted();
}

function resize(width, height) {
  for (const { canvas } of [original, stylized]) Object.assign(canvas, { width, height });
  document.documentElement.style.setProperty("--aspect", width / height);
}

let fresh = false; // a frame came that nobody has taken
let wake = () => {};

/** Notes each new frame of a live source, for as long as it is the source. */
function watchFrames(video) {
  const next = (call) => (video.requestVideoFrameCallback ? video.requestVideoFrameCallback(call) : requestAnimationFrame(call));
  const arrived = () => {
    if (!source.live || source.element !== video) return;
    fresh = true;
    wake();
    next(arrived);
  };
  next(arrived);
}

/** Until there is a frame that was not painted yet. */
async function nextFrame() {
  // A camera that stalls, or a video that was paused, must not hold up a change of style.
  if (!fresh) await new Promise((resolve) => ((wake = resolve), setTimeout(resolve, 1000)));
  fresh = false;
}

/** Makes a still of what a camera or video shows, so that it can be painted once more, larger. */
async function freeze() {
  const { element, mirrored } = source;
  const [width, height] = [source.width(), source.height()];
  const still = width && height ? await createImageBitmap(element).catch(() => undefined) : undefined;
  stopStream();
  // The painting of that moment, or of one just before, stays until there is a finer one.
  if (still) return setSource({ kind: "photo", element: still, width, height, mirrored, unseen: false });
  Object.assign(source, { kind: "scene", live: false });
  await showScene();
}

// ---------------------------------------------------------------- sources

function setSource({ kind, element, width, height, live = false, mirrored = false, unseen = true }) {
  if (recorder) stopRecording();
  const size = (side) => (typeof side === "function" ? side : () => side);
  source = { kind, element, live, mirrored, width: size(width), height: size(height), unseen };
  if (unseen) notPainted();
  times = [];
  $("record").disabled = !live || !window.MediaRecorder;
  $("camera").setAttribute("aria-pressed", String(live));
  $("camera").querySelector("span").textContent = live ? "Stop" : "Camera";
  $("camera").querySelector("use").setAttribute("href", live ? "#icon-stop" : "#icon-camera");
  $("camera-options").hidden = kind !== "camera";
  $("hint").hidden = kind === "camera";
  $("mirror").setAttribute("aria-pressed", String(mirrored));
  if (!$("size").dataset.touched) {
    $("size").value = backend === "webgpu" ? (live ? 2 : 3) : live ? 0 : 2;
    showSize();
  }
  if (live) watchFrames(element);
}

/** The drawing that every site brings along, and what the style makes of it, without fetching a model. */
async function showScene() {
  const style = model;
  const loaded = await Promise.all([loadImage(scene), loadImage(model.preview)]).catch(() => undefined);
  if (style !== model || source.kind !== "scene") return; // something else was chosen meanwhile
  if (!loaded) return goBack(`${style.title} can’t be shown: its picture isn’t there. Check the connection, then try again.`);
  const [before, after] = loaded;
  const { naturalWidth: width, naturalHeight: height } = before;
  setSource({ kind: "scene", element: before, width, height, unseen: false });
  resize(width, height);
  original.drawImage(before, 0, 0, width, height);
  stylized.drawImage(after, 0, 0, width, height);
  delete $("picture").dataset.painted;
  $("speed").textContent = "";
  nowPainted();
  if ($("strength").dataset.touched || $("size").dataset.touched) repaint();
}

let scene;

async function loadImage(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

async function openFile(file) {
  if (!file) return;
  hush();
  try {
    if (file.type.startsWith("video/")) return await openVideo(file);
    const element = await createImageBitmap(file); // upright, whatever its EXIF says
    stopStream();
    setSource({ kind: "photo", element, width: element.width, height: element.height });
    repaint();
  } catch {
    say(`${file.name || "That"} can’t be read as a picture or video by this browser. Try a JPEG or a PNG.`, "error");
  }
}

async function openVideo(file) {
  const address = URL.createObjectURL(file);
  const video = await play({ src: address, loop: true }).catch((error) => {
    URL.revokeObjectURL(address);
    throw error;
  });
  stopStream();
  setSource({
    kind: "video", element: video, live: true, width: () => video.videoWidth, height: () => video.videoHeight,
  });
  repaint();
}

/** A video that plays. It is on the page, though too small to be seen: elsewhere some browsers show no frames. */
async function play(properties) {
  const video = Object.assign(document.createElement("video"), { className: "feed", muted: true, playsInline: true });
  video.setAttribute("aria-hidden", "true");
  Object.assign(video, properties);
  document.body.append(video);
  try {
    await video.play();
  } catch (error) {
    video.remove();
    throw error;
  }
  return video;
}

/** Gives back what the present source holds: camera, file, memory. */
function stopStream() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = undefined;
  const { element } = source;
  if (element instanceof HTMLVideoElement) {
    const { src } = element;
    element.pause();
    element.srcObject = null;
    element.removeAttribute("src");
    element.load(); // lets go of a file that it may still be reading
    if (src) URL.revokeObjectURL(src);
    element.remove();
  } else element?.close?.();
}

const CAMERA_ERRORS = {
  NotAllowedError:
    "The camera is blocked for this page. Allow it (the icon at the left of the address), then press Camera again. Photos work without it.",
  NotFoundError: "No camera was found. Connect one and press Camera again, or choose a photo.",
  NotReadableError: "The camera is in use by another program. Close that, then press Camera again.",
  OverconstrainedError: "This camera can’t be used. Try another one, or choose a photo.",
};

async function startCamera(wish = { facingMode: "user" }) {
  hush();
  let opened, video;
  if (!navigator.mediaDevices?.getUserMedia) {
    const why = window.isSecureContext
      ? "This browser offers no camera to pages."
      : "Browsers give the camera to secure pages alone, and this one came over plain http. Open it by https, or on the machine that serves it.";
    return say(`${why} Photos work all the same.`, "warning");
  }
  try {
    const format = { width: { ideal: 1280 }, frameRate: { ideal: 30 }, ...wish };
    opened = await navigator.mediaDevices.getUserMedia({ video: format, audio: false });
    video = await play({ srcObject: opened });
  } catch (error) {
    for (const track of opened?.getTracks() ?? []) track.stop();
    return say(CAMERA_ERRORS[error.name] ?? `The camera can’t be used (${error.message}). Photos work without it.`, "warning");
  }
  stopStream();
  stream = opened;
  const [track] = stream.getVideoTracks();
  track.onended = async () => {
    if (source.kind !== "camera") return;
    await freeze();
    say("The camera was disconnected; this is its last picture.", "warning");
  };
  setSource({
    kind: "camera", element: video, live: true, width: () => video.videoWidth, height: () => video.videoHeight,
    mirrored: track.getSettings().facingMode !== "environment",
  });
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
  $("switch").hidden = cameras.length < 2;
  repaint();
}

async function switchCamera() {
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
  const current = stream?.getVideoTracks()[0]?.getSettings().deviceId;
  const next = cameras[(cameras.findIndex(({ deviceId }) => deviceId === current) + 1) % cameras.length];
  await freeze(); // phones open one camera at a time
  await startCamera({ deviceId: { exact: next.deviceId } });
}

async function toggleCamera() {
  if (!source.live) return startCamera();
  await freeze();
  repaint();
}

// ---------------------------------------------------------------- styles and dials

function chooseModel(chosen, { link = true } = {}) {
  model = chosen;
  failed = false;
  const dial = model.inputs.strength;
  const strength = $("strength");
  strength.disabled = !dial;
  const [left, right] = $("strength-ends").children;
  left.textContent = dial ? "photo" : "this style has no dial";
  right.textContent = dial ? "painting" : "";
  Object.assign(strength, { min: dial?.minimum ?? 0, max: dial?.maximum ?? 1.5 });
  if (!dial || !strength.dataset.touched) strength.value = dial?.default ?? 1;
  showStrength();
  $("title").textContent = model.title;
  $("credit").textContent = model.credit === "not named" ? "" : model.credit;
  document.title = `${model.title} · fast style`;
  $("stylized").setAttribute("aria-label", `The picture, repainted as ${model.title}`);
  $(`style-${models.indexOf(model)}`).checked = true;
  if (link) history.replaceState(null, "", `#${model.name}`);
  hush();
}

function showStyle() {
  if (source.kind === "scene") showScene();
  else repaint();
}

function listStyles() {
  models.forEach((each, index) => {
    const input = Object.assign(document.createElement("input"), {
      type: "radio", name: "style", id: `style-${index}`, value: each.name,
    });
    input.onchange = () => {
      chooseModel(each);
      showStyle();
    };
    input.onclick = () => {
      if (each !== model || !failed) return;
      failed = false;
      hush();
      showStyle(); // no change is told of a style that is chosen already
    };
    const image = Object.assign(document.createElement("img"), {
      src: each.thumbnail, alt: "", width: 160, height: 120, loading: "lazy",
    });
    const title = Object.assign(document.createElement("span"), { textContent: each.title });
    const twins = models.filter(({ title }) => title === each.title).length > 1;
    const about = Object.assign(document.createElement("small"), {
      textContent: `${twins ? `${each.name} · ` : ""}${bytesText(each.bytes)}`,
    });
    const label = Object.assign(document.createElement("label"), { htmlFor: input.id });
    label.append(image, title, about);
    const cell = Object.assign(document.createElement("div"), { className: "style" });
    cell.append(input, label);
    $("strip").append(cell);
  });
}

function showStrength() {
  const percent = `${Math.round($("strength").value * 100)} %`;
  $("strength-value").textContent = percent;
  $("strength").setAttribute("aria-valuetext", percent);
}

function showSize() {
  const pixels = `${SIZES[$("size").value]} px`;
  $("size-value").textContent = pixels;
  $("size").setAttribute("aria-valuetext", `${pixels} on the longer side`);
}

function showSplit() {
  $("picture").style.setProperty("--split", `${$("split").value}%`);
  $("split").setAttribute("aria-valuetext", `${$("split").value} % original`);
}

// ---------------------------------------------------------------- what is told

const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
const bytesText = (bytes) => (bytes < 1e5 ? `${Math.round(bytes / 1e3)} kB` : `${megabytes(bytes)} MB`);

function showProgress(progress) {
  const bar = $("progress");
  $("loading").hidden = !progress;
  if (!progress) return;
  const { what, done, total } = progress;
  $("loading-text").textContent = `${what}, ${megabytes(done)} of ${bytesText(total)}`;
  bar.value = done / total;
}

let announced = 0;

function showSpeed(live, seconds) {
  const now = performance.now();
  if (!live) {
    const took = seconds < 0.1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
    $("speed").textContent = `Painted in ${took}`;
    return;
  }
  times = [...times.filter((time) => now - time < 3000), now].slice(-60);
  if (times.length < 3 || (now - announced < TAKEN_AGAIN && $("speed").dataset.live)) return;
  announced = now;
  const rate = ((times.length - 1) * 1000) / (now - times[0]);
  $("speed").dataset.live = "yes";
  $("speed").dataset.rate = rate.toFixed(2);
  $("speed").textContent = `${rate < 10 ? rate.toFixed(1) : Math.round(rate)} frames a second`;
}

const GPU_WHY = {
  card: "This device’s graphics card paints, by WebGPU.",
  missing: "This browser has no WebGPU, so the processor paints, by WebAssembly. A current Chrome, Edge or Safari can use the graphics card.",
  insecure: "Browsers give WebGPU to secure pages alone, and this one came over plain http, so the processor paints, by WebAssembly.",
  none: "This browser has WebGPU but offers no graphics card, so the processor paints, by WebAssembly.",
  software: "WebGPU is only imitated on this device, without a graphics card. The processor paints faster directly, by WebAssembly.",
  failed: "The graphics card failed at this model, so the processor paints, by WebAssembly.",
};

function showEngine({ threads, isolated, gpu, ...told }) {
  backend = told.backend;
  const some = threads === 1 ? "one thread" : `${threads} threads`;
  $("engine-name").textContent = backend === "webgpu" ? "WebGPU" : `WebAssembly, ${some}`;
  const lines = [backend === "webgpu" ? GPU_WHY.card : gpu === "card" ? "The processor paints, by WebAssembly." : GPU_WHY[gpu]];
  if (backend === "wasm" && !isolated)
    lines.push("One thread only, because this page came without the headers that threads need (COOP and COEP).");
  if (!window.isSecureContext) lines.push("Over plain http nothing is kept for the next visit, either.");
  lines.push("Pictures never leave this device.");
  $("engine-why").textContent = lines.join(" ");
}

function say(text, kind = "info") {
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: "×", onclick: hush });
  close.setAttribute("aria-label", "Close this message");
  const words = Object.assign(document.createElement("p"), { textContent: text });
  $("notice").replaceChildren(words, close);
  $("notice").dataset.kind = kind;
}

function hush() {
  $("notice").replaceChildren();
}

// ---------------------------------------------------------------- saving and recording

function download(blob, name, suffix) {
  const local = new Date(Date.now() - new Date().getTimezoneOffset() * 60_000);
  const time = local.toISOString().slice(0, 19).replace("T", "-").replaceAll(":", "");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${name}-${time}.${suffix}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function save() {
  const { name } = shown.style; // another may be chosen, and still on its way
  stylized.canvas.toBlob((blob) => (blob ? download(blob, name, "png") : say("The picture can’t be saved here.", "error")));
}

let clock;

/** A video's own, which is recorded though the page doesn't play it. */
function soundOf({ kind, element }) {
  if (kind !== "video") return [];
  // Firefox's mozCaptureStream gives a muted video's silence.
  if (element.captureStream) return element.captureStream().getAudioTracks();
  say("This browser records videos without their sound.", "warning");
  return [];
}

function startRecording() {
  const mimeType = CLIP_TYPES.find((each) => MediaRecorder.isTypeSupported(each));
  const parts = [];
  const { name } = model; // by the end another may be chosen that never came
  try {
    const clip = stylized.canvas.captureStream();
    for (const track of soundOf(source)) clip.addTrack(track);
    recorder = new MediaRecorder(clip, { mimeType, videoBitsPerSecond: 8_000_000 });
  } catch (error) {
    recorder = undefined;
    return say(`This browser can’t record (${error.message}).`, "error");
  }
  const type = recorder.mimeType || mimeType;
  recorder.ondataavailable = ({ data }) => parts.push(data);
  recorder.onstop = () => download(new Blob(parts, { type }), name, type?.startsWith("video/mp4") ? "mp4" : "webm");
  recorder.start(1000); // in parts, so that a long clip is not lost at once
  $("size").disabled = true; // a clip has one size
  const began = Date.now();
  const tick = () => {
    const seconds = Math.floor((Date.now() - began) / 1000);
    $("record").querySelector("span").textContent = `${Math.floor(seconds / 60)}:${`${seconds % 60}`.padStart(2, "0")}`;
  };
  tick();
  clock = setInterval(tick, 500);
  $("record").setAttribute("aria-pressed", "true");
  $("record").setAttribute("aria-label", "Stop recording");
  $("record").querySelector("use").setAttribute("href", "#icon-stop");
}

function stopRecording() {
  recorder.stop();
  for (const track of recorder.stream.getTracks()) track.stop();
  recorder = undefined;
  clearInterval(clock);
  $("size").disabled = false;
  $("record").setAttribute("aria-pressed", "false");
  $("record").removeAttribute("aria-label");
  $("record").querySelector("span").textContent = "Record";
  $("record").querySelector("use").setAttribute("href", "#icon-record");
}

// ---------------------------------------------------------------- the page

function listen() {
  $("camera").onclick = toggleCamera;
  $("switch").onclick = switchCamera;
  $("mirror").onclick = () => {
    source.mirrored = !source.mirrored;
    $("mirror").setAttribute("aria-pressed", String(source.mirrored));
  };
  $("choose").onclick = () => $("file").click();
  $("file").onchange = () => {
    openFile($("file").files[0]);
    $("file").value = ""; // the same file can be chosen again
  };
  $("save").onclick = save;
  $("record").onclick = () => (recorder ? stopRecording() : startRecording());
  $("split").oninput = showSplit;
  $("strength").oninput = () => {
    $("strength").dataset.touched = "yes";
    showStrength();
    repaint();
  };
  $("size").oninput = () => {
    $("size").dataset.touched = "yes";
    showSize();
    repaint();
  };
  addEventListener("hashchange", () => {
    const linked = linkedModel();
    if (linked && linked !== model) $(`style-${models.indexOf(linked)}`).click();
  });
  addEventListener("paste", ({ clipboardData }) => openFile([...clipboardData.files][0]));
  let depth = 0; // of the elements that a file is dragged over
  const over = (by) => $("picture").classList.toggle("dropping", (depth = Math.max(0, depth + by)) > 0);
  const files = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => files(event) && over(1));
  addEventListener("dragleave", (event) => files(event) && over(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    over(-depth);
    openFile(event.dataTransfer.files[0]);
  });
}

const linkedModel = () => models.find(({ name }) => `#${name}` === location.hash);

async function begin() {
  $("inert").hidden = true;
  let manifest;
  try {
    const response = await fetch("site.json", { cache: "no-cache" });
    if (!response.ok) throw new Error(`the server says ${response.status}`);
    manifest = await response.json();
  } catch (error) {
    return say(`The list of styles can’t be read (${error.message}). Reload the page.`, "error");
  }
  ({ models, scene } = manifest);
  listStyles();
  engine = new Engine(manifest);
  listen();
  $("size-note").textContent = `Saved at this size, ${SIZES.at(-1)} px at most.`;
  showSize();
  showSplit();
  chooseModel(linkedModel() ?? models[0], { link: false });
  await showScene();
}

begin();

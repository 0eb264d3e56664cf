// What is looked at: the sample scene, a photo, a video or the camera. One at a time.

import { hush, say, showCameraCount, showOpening } from "./ui.mjs";

const CAMERA_ERRORS = {
  NotAllowedError:
    "The camera is blocked for this page. Allow it (the icon at the left of the address), then press Camera again. Photos work without it.",
  NotFoundError: "No camera was found. Connect one and press Camera again, or choose a photo.",
  NotReadableError: "The camera is in use by another program. Close that, then press Camera again.",
  OverconstrainedError: "This camera can’t be used. Try another one, or choose a photo.",
};
const STALLED = 1000; // ms without a new frame after which a live source is painted anyway

/**
 * A source of pictures.
 *
 * @typedef {object} Source
 * @property {"scene" | "photo" | "video" | "camera"} kind What it is.
 * @property {CanvasImageSource} element What is drawn.
 * @property {() => number} width The present width in pixels; a video may change it.
 * @property {() => number} height The present height in pixels.
 * @property {boolean} live Whether it moves by itself.
 * @property {boolean} mirrored Whether left and right are exchanged.
 * @property {boolean} unseen Whether the page has not shown it yet.
 */

/** Opens photos, videos and cameras, and keeps the one that is looked at. */
export class Sources {
  /** @type {Source} */
  current = { kind: "scene", width: () => 0, height: () => 0 };
  #stream; // the camera's, while it runs
  #fresh = false; // a frame has arrived that nobody has taken
  #wake = () => {};
  #listener;
  #turn = 0; // of the latest wish: what an earlier one brings comes too late

  /** @param {object} listener Callbacks: `changed(source)` for a new source, `repaint()` and `showScene()`. */
  constructor(listener) {
    this.#listener = listener;
  }

  /** Makes a source the current one; `width` and `height` are numbers, or functions for what may change. */
  set({ kind, element, width, height, live = false, mirrored = false, unseen = true }) {
    const asFunction = (side) => (typeof side === "function" ? side : () => side);
    this.current = { kind, element, live, mirrored, width: asFunction(width), height: asFunction(height), unseen };
    this.#listener.changed(this.current);
    if (live) this.#watchFrames(element);
  }

  /** Begins what the visitor wishes now; the function that is returned says whether something newer was wished since. */
  #begin() {
    const turn = ++this.#turn;
    hush();
    showOpening(null);
    return () => turn !== this.#turn;
  }

  /** Opens a photo or video that the visitor chose, dropped or pasted. */
  async openFile(file) {
    const outdated = this.#begin();
    const name = file.name || "the picture";
    // Most are there at once; of a hundred megapixels the visitor is told.
    const slow = setTimeout(() => showOpening(`Opening ${name} …`, () => this.#begin()), 300);
    try {
      if (file.type.startsWith("video/")) return await this.#openVideo(file, outdated);
      const element = await createImageBitmap(file); // turned upright as its EXIF says
      if (outdated()) return element.close();
      this.#release();
      this.set({ kind: "photo", element, width: element.width, height: element.height });
      this.#listener.repaint();
    } catch {
      if (outdated()) return;
      say(`${file.name || "That"} can’t be read as a picture or video by this browser. Try a JPEG or a PNG.`, "error");
    } finally {
      clearTimeout(slow);
      if (!outdated()) showOpening(null);
    }
  }

  async #openVideo(file, outdated) {
    const address = URL.createObjectURL(file);
    const video = await play({ src: address, loop: true }).catch((error) => {
      URL.revokeObjectURL(address);
      throw error;
    });
    if (outdated()) return letGo(video);
    this.#release();
    this.set({
      kind: "video", element: video, live: true, width: () => video.videoWidth, height: () => video.videoHeight,
    });
    this.#listener.repaint();
  }

  /** Starts the camera, or stops whatever is live and keeps its last picture. */
  async toggleCamera() {
    if (!this.current.live) return this.startCamera();
    if (await this.freeze(this.#begin())) this.#listener.repaint();
  }

  /** Starts the camera that fits `constraints` (of a MediaTrackConstraints); says so where there is none. */
  async startCamera(constraints = { facingMode: "user" }) {
    const outdated = this.#begin();
    if (!navigator.mediaDevices?.getUserMedia) {
      const why = window.isSecureContext
        ? "This browser offers no camera to pages."
        : "Browsers give the camera to secure pages alone, and this one came over plain http. Open it by https, or on the machine that serves it.";
      return say(`${why} Photos work all the same.`, "warning");
    }
    let stream, video;
    const drop = () => stream?.getTracks().forEach((track) => track.stop());
    try {
      const format = { width: { ideal: 1280 }, frameRate: { ideal: 30 }, ...constraints };
      stream = await navigator.mediaDevices.getUserMedia({ video: format, audio: false });
      if (outdated()) return drop();
      video = await play({ srcObject: stream });
    } catch (error) {
      drop();
      if (outdated()) return;
      return say(CAMERA_ERRORS[error.name] ?? `The camera can’t be used (${error.message}). Photos work without it.`, "warning");
    }
    if (outdated()) {
      letGo(video);
      return drop();
    }
    this.#release();
    this.#stream = stream;
    const [track] = stream.getVideoTracks();
    track.onended = () => this.#cameraEnded();
    this.set({
      kind: "camera", element: video, live: true, width: () => video.videoWidth, height: () => video.videoHeight,
      mirrored: track.getSettings().facingMode !== "environment",
    });
    this.#listener.repaint();
    const { length } = await listCameras();
    if (!outdated()) showCameraCount(length);
  }

  async #cameraEnded() {
    if (this.current.kind !== "camera") return;
    if (await this.freeze(this.#begin())) say("The camera was disconnected; this is its last picture.", "warning");
  }

  /** Goes on to the next of several cameras. */
  async switchCamera() {
    const outdated = this.#begin();
    const cameras = await listCameras();
    const current = this.#stream?.getVideoTracks()[0]?.getSettings().deviceId;
    const next = cameras[(cameras.findIndex(({ deviceId }) => deviceId === current) + 1) % cameras.length];
    // Phones open one camera at a time.
    if (next && !outdated() && (await this.freeze(outdated))) await this.startCamera({ deviceId: { exact: next.deviceId } });
  }

  /**
   * Turns what a camera or video shows into a still, so that it can be painted once more, larger.
   *
   * @param {() => boolean} outdated Whether something newer was wished; the still is dropped then.
   * @returns {Promise<boolean>} Whether the live source was ended.
   */
  async freeze(outdated = this.#begin()) {
    const source = this.current;
    const { element, mirrored } = source;
    const [width, height] = [source.width(), source.height()];
    const still = width && height ? await createImageBitmap(element).catch(() => undefined) : undefined;
    if (outdated() || source !== this.current) {
      still?.close();
      return false;
    }
    this.#release();
    // The painting of that moment, or of one just before, stays until there is a finer one.
    if (still) this.set({ kind: "photo", element: still, width, height, mirrored, unseen: false });
    else {
      Object.assign(source, { kind: "scene", live: false });
      await this.#listener.showScene();
    }
    return true;
  }

  /** Plays a video that was paused, or pauses it. */
  togglePlaying() {
    const { kind, element } = this.current;
    if (kind !== "video") return;
    if (element.paused) element.play().catch((error) => say(`The video can’t be played (${error.message}).`, "error"));
    else element.pause();
  }

  /** Goes to a place in a video, given as a share of its duration. */
  seek(share) {
    const { kind, element } = this.current;
    if (kind === "video" && Number.isFinite(element.duration)) element.currentTime = share * element.duration;
  }

  /** Whether pictures keep coming: a camera or a video that isn't paused. */
  get moving() {
    return Boolean(this.current.live) && !this.current.element.paused;
  }

  /** Waits until a live source has a frame that was not painted yet. */
  async nextFrame() {
    // A camera that stalls must not hold up a change of style.
    if (!this.#fresh && this.moving) await new Promise((resolve) => ((this.#wake = resolve), setTimeout(resolve, STALLED)));
    this.#fresh = false;
  }

  /** Notes each new frame of a live source, for as long as it is the source. */
  #watchFrames(video) {
    const next = (call) => (video.requestVideoFrameCallback ? video.requestVideoFrameCallback(call) : requestAnimationFrame(call));
    const arrived = () => {
      if (!this.current.live || this.current.element !== video) return;
      this.#fresh = true;
      this.#wake();
      next(arrived);
    };
    next(arrived);
    for (const event of ["seeked", "play"]) video.addEventListener(event, () => this.current.element === video && this.#listener.repaint());
    video.addEventListener("pause", () => this.#wake());
  }

  /** Gives back what the present source holds: the camera, a file, memory. */
  #release() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = undefined;
    const { element } = this.current;
    if (element instanceof HTMLVideoElement) letGo(element);
    else element?.close?.();
  }
}

/** Ends a video and lets go of its file. */
function letGo(video) {
  const { src } = video;
  video.pause();
  video.srcObject = null;
  video.removeAttribute("src");
  video.load(); // lets go of a file that it may still be reading
  if (src) URL.revokeObjectURL(src);
  video.remove();
}

const listCameras = async () =>
  (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");

/** Returns a video that plays. It is on the page, too small to be seen: otherwise some browsers decode no frames. */
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

/** Loads an image by its address, ready to be drawn. */
export async function loadImage(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

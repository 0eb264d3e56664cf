// What is looked at: the sample scene, a photo, a video or the camera. One at a time.

import { hush, say, showCameraCount } from "./ui.mjs";

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

  /** Opens a photo or video that the visitor chose, dropped or pasted. */
  async openFile(file) {
    if (!file) return;
    hush();
    try {
      if (file.type.startsWith("video/")) return await this.#openVideo(file);
      const element = await createImageBitmap(file); // turned upright as its EXIF says
      this.#release();
      this.set({ kind: "photo", element, width: element.width, height: element.height });
      this.#listener.repaint();
    } catch {
      say(`${file.name || "That"} can’t be read as a picture or video by this browser. Try a JPEG or a PNG.`, "error");
    }
  }

  async #openVideo(file) {
    const address = URL.createObjectURL(file);
    const video = await play({ src: address, loop: true }).catch((error) => {
      URL.revokeObjectURL(address);
      throw error;
    });
    this.#release();
    this.set({
      kind: "video", element: video, live: true, width: () => video.videoWidth, height: () => video.videoHeight,
    });
    this.#listener.repaint();
  }

  /** Starts the camera, or stops whatever is live and keeps its last picture. */
  async toggleCamera() {
    if (!this.current.live) return this.startCamera();
    await this.freeze();
    this.#listener.repaint();
  }

  /** Starts the camera that fits `constraints` (of a MediaTrackConstraints); says so where there is none. */
  async startCamera(constraints = { facingMode: "user" }) {
    hush();
    if (!navigator.mediaDevices?.getUserMedia) {
      const why = window.isSecureContext
        ? "This browser offers no camera to pages."
        : "Browsers give the camera to secure pages alone, and this one came over plain http. Open it by https, or on the machine that serves it.";
      return say(`${why} Photos work all the same.`, "warning");
    }
    let stream, video;
    try {
      const format = { width: { ideal: 1280 }, frameRate: { ideal: 30 }, ...constraints };
      stream = await navigator.mediaDevices.getUserMedia({ video: format, audio: false });
      video = await play({ srcObject: stream });
    } catch (error) {
      for (const track of stream?.getTracks() ?? []) track.stop();
      return say(CAMERA_ERRORS[error.name] ?? `The camera can’t be used (${error.message}). Photos work without it.`, "warning");
    }
    this.#release();
    this.#stream = stream;
    const [track] = stream.getVideoTracks();
    track.onended = () => this.#cameraEnded();
    this.set({
      kind: "camera", element: video, live: true, width: () => video.videoWidth, height: () => video.videoHeight,
      mirrored: track.getSettings().facingMode !== "environment",
    });
    showCameraCount((await listCameras()).length);
    this.#listener.repaint();
  }

  async #cameraEnded() {
    if (this.current.kind !== "camera") return;
    await this.freeze();
    say("The camera was disconnected; this is its last picture.", "warning");
  }

  /** Goes on to the next of several cameras. */
  async switchCamera() {
    const cameras = await listCameras();
    const current = this.#stream?.getVideoTracks()[0]?.getSettings().deviceId;
    const next = cameras[(cameras.findIndex(({ deviceId }) => deviceId === current) + 1) % cameras.length];
    await this.freeze(); // phones open one camera at a time
    await this.startCamera({ deviceId: { exact: next.deviceId } });
  }

  /** Turns what a camera or video shows into a still, so that it can be painted once more, larger. */
  async freeze() {
    const { element, mirrored } = this.current;
    const [width, height] = [this.current.width(), this.current.height()];
    const still = width && height ? await createImageBitmap(element).catch(() => undefined) : undefined;
    this.#release();
    // The painting of that moment, or of one just before, stays until there is a finer one.
    if (still) return this.set({ kind: "photo", element: still, width, height, mirrored, unseen: false });
    Object.assign(this.current, { kind: "scene", live: false });
    await this.#listener.showScene();
  }

  /** Waits until a live source has a frame that was not painted yet. */
  async nextFrame() {
    // A camera that stalls, or a video that was paused, must not hold up a change of style.
    if (!this.#fresh) await new Promise((resolve) => ((this.#wake = resolve), setTimeout(resolve, STALLED)));
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
  }

  /** Gives back what the present source holds: the camera, a file, memory. */
  #release() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = undefined;
    const { element } = this.current;
    if (!(element instanceof HTMLVideoElement)) return element?.close?.();
    const { src } = element;
    element.pause();
    element.srcObject = null;
    element.removeAttribute("src");
    element.load(); // lets go of a file that it may still be reading
    if (src) URL.revokeObjectURL(src);
    element.remove();
  }
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

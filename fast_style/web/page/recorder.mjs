// Clips of what is live.

import { download } from "./keeper.mjs";
import { say, showRecording, showRecordingTime } from "./ui.mjs";

/** Formats of a clip, best first; the first one that the browser can record is used. */
const CLIP_TYPES = ["video/mp4;codecs=avc1.640028", "video/mp4", "video/webm;codecs=vp9", "video/webm"];
const BITS_PER_SECOND = 8_000_000;

/** Records what a canvas shows. */
export class Recorder {
  #canvas;
  #recording; // a MediaRecorder, while it runs
  #clock;

  /** @param {HTMLCanvasElement} canvas What is recorded. */
  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** Starts a clip, or ends the one that runs. */
  toggle(source, name) {
    if (this.#recording) this.stop();
    else this.#start(source, name);
  }

  // The name is the style's at the start: by the end another may be chosen that was never painted.
  #start(source, name) {
    const mimeType = CLIP_TYPES.find((each) => MediaRecorder.isTypeSupported(each));
    try {
      const clip = this.#canvas.captureStream();
      for (const track of soundOf(source)) clip.addTrack(track);
      this.#recording = new MediaRecorder(clip, { mimeType, videoBitsPerSecond: BITS_PER_SECOND });
    } catch (error) {
      this.#recording = undefined;
      return say(`This browser can’t record (${error.message}).`, "error");
    }
    const parts = [];
    const type = this.#recording.mimeType || mimeType;
    this.#recording.ondataavailable = ({ data }) => parts.push(data);
    this.#recording.onstop = () => download(new Blob(parts, { type }), name, type?.startsWith("video/mp4") ? "mp4" : "webm");
    this.#recording.start(1000); // in parts, so that a long clip is not lost at once
    const began = Date.now();
    const tick = () => showRecordingTime(Math.floor((Date.now() - began) / 1000));
    showRecording(true);
    tick();
    this.#clock = setInterval(tick, 500);
  }

  /** Ends the clip and hands it to the visitor; does nothing where none is recorded. */
  stop() {
    if (!this.#recording) return;
    this.#recording.stop();
    for (const track of this.#recording.stream.getTracks()) track.stop();
    this.#recording = undefined;
    clearInterval(this.#clock);
    showRecording(false);
  }
}

/** Returns the sound of a video, which is recorded though the page doesn't play it. */
function soundOf({ kind, element }) {
  if (kind !== "video") return [];
  // Firefox's mozCaptureStream gives silence for a muted video.
  if (element.captureStream) return element.captureStream().getAudioTracks();
  say("This browser records videos without their sound.", "warning");
  return [];
}

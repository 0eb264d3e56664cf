// What the visitor keeps of a picture: a file, whole; or the picture as it is shown, shared or copied.

import { LARGEST_SIDE, announce, chosenStrength, hush, say, showPainting, wholeSize } from "./ui.mjs";

/** Saves, shares and copies the painting that is shown. */
export class Keeper {
  #engine;
  #painter;
  #sources;
  #styles;
  #abort; // of a painting at full size that is under way

  /** @param {object} parts The page's `engine`, `painter`, `sources` and `styles`. */
  constructor({ engine, painter, sources, styles }) {
    this.#engine = engine;
    this.#painter = painter;
    this.#sources = sources;
    this.#styles = styles;
  }

  /** Saves the painting as a PNG, named after the style and the visitor's clock; a photo's at the photo's own size. */
  async save() {
    const style = this.#painter.shownStyle;
    const { width, height } = this.#painter.canvas;
    const whole = wholeSize(this.#sources.current, this.#painter.canvas);
    try {
      const isShown = whole.width === width && whole.height === height;
      const blob = isShown ? await this.#shown() : await this.#paintWhole(style, Math.max(whole.width, whole.height));
      if (blob) download(blob, style.name, "png");
    } catch (error) {
      if (error.name === "AbortError") say("Stopped. Nothing was saved.");
      else say(`The picture can’t be saved (${error.message}).`, "error");
    }
  }

  /** Ends a painting at full size that is under way. */
  cancel() {
    this.#abort?.abort();
  }

  async #paintWhole(style, longest) {
    if (this.#abort) return undefined;
    hush();
    const { signal } = (this.#abort = new AbortController());
    const what = { style, saving: true };
    showPainting({ ...what, done: null });
    try {
      const { image, alpha } = this.#painter.takeWhole(longest);
      const inputs = this.#styles.inputsOf(style, chosenStrength());
      const report = (message) => showPainting({ ...what, ...message });
      const { pixels, seconds } = await this.#engine.paint({ model: style, image, inputs }, signal, report);
      announce(`Saved ${image.width} by ${image.height} pixels, painted in ${Math.round(seconds)} seconds.`);
      return await encode(pixels, image.width, image.height, alpha);
    } finally {
      this.#abort = undefined;
      showPainting(null);
    }
  }

  /** Returns the painting as it is shown, as a PNG. */
  async #shown() {
    const { canvas, shownAlpha } = this.#painter;
    if (!shownAlpha) return encodeCanvas(canvas);
    const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return encode(data, width, height, shownAlpha);
  }

  /** Hands the painting to another app. */
  async share() {
    const { name, title } = this.#painter.shownStyle;
    const file = new File([await this.#shown()], fileName(name, "png"), { type: "image/png" });
    try {
      await navigator.share({ files: [file], title });
    } catch (error) {
      if (error.name !== "AbortError") say(`The picture can’t be shared (${error.message}). Save it instead.`, "error");
    }
  }

  /** Copies the painting to the clipboard. */
  async copy() {
    try {
      await navigator.clipboard.write([new ClipboardItem({ "image/png": this.#shown() })]);
      say("Copied. Paste it where you like.");
    } catch (error) {
      say(`The picture can’t be copied (${error.message}). Save it instead.`, "error");
    }
  }
}

/** Whether this browser shares files with other apps. */
export function sharesFiles() {
  const file = new File([], "picture.png", { type: "image/png" });
  return Boolean(navigator.canShare?.({ files: [file] }));
}

/** Whether this browser copies pictures to the clipboard. */
export const copiesPictures = () => Boolean(navigator.clipboard?.write && window.ClipboardItem);

async function encode(pixels, width, height, alpha) {
  if (alpha) alpha.forEach((value, at) => (pixels[4 * at + 3] = value));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
  const blob = await encodeCanvas(canvas);
  Object.assign(canvas, { width: 1, height: 1 }); // gives its memory back
  return blob;
}

const encodeCanvas = (canvas) =>
  new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error(`too large for this browser, more than ${LARGEST_SIDE} px`)))),
  );

/** Names a file after a style and the visitor's clock. */
function fileName(name, suffix) {
  const local = new Date(Date.now() - new Date().getTimezoneOffset() * 60_000);
  return `${name}-${local.toISOString().slice(0, 19).replace("T", "-").replaceAll(":", "")}.${suffix}`;
}

/** Gives the visitor a file. */
export function download(blob, name, suffix) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = fileName(name, suffix);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

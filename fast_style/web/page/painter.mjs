// What is shown: a source, the same picture painted in the chosen style, and the two side by side.

import { loadImage } from "./source.mjs";
import {
  $, announce, chosenSize, chosenStrength, clearSpeed, forgetSpeed, say, setStrength, showCaption, showPainted,
  showPainting, showSpeed,
} from "./ui.mjs";

/** A painting that is nearly done is not ended for a newer wish: strength and size change with every pixel dragged. */
const GRACE = 300; // ms

/** Paints the current source in the chosen style, again whenever one of them changes, and shows both. */
export class Painter {
  canvas = $("stylized");
  #stylized = this.canvas.getContext("2d");
  #original = $("original").getContext("2d", { willReadFrequently: true });
  // What is sent to the engine is read from here, and shown only together with its painting.
  #scratch = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  #shown; // {style, strength} of the painting that is shown, if one is
  #wanted = false; // a painting is wanted that has not begun
  #painting = false;
  #abort; // of the painting that is under way
  #engine;
  #sources;
  #styles;
  #recorder;
  #scene; // the address of the sample scene
  #idle; // called when a still picture has been painted

  /**
   * @param {object} parts The page's `engine`, `sources`, `styles` and `recorder`, the address of its `scene`, and
   *   `idle()`, which is called when a still picture has been painted and nothing else is wanted.
   */
  constructor({ engine, sources, styles, recorder, scene, idle }) {
    this.#engine = engine;
    this.#sources = sources;
    this.#styles = styles;
    this.#recorder = recorder;
    this.#scene = scene;
    this.#idle = idle;
  }

  /** The style of the painting that is shown; another one may be chosen, and still on its way. */
  get shownStyle() {
    return this.#shown?.style;
  }

  /** Whether a painting is shown, a still one, and no other is under way. */
  get isIdle() {
    return Boolean(this.#shown) && !this.#painting && !this.#sources.current.live;
  }

  /** Asks for the picture to be painted anew; a live one is painted again and again. */
  repaint() {
    this.#wanted = true;
    if (!this.#painting) return void this.#paintAll();
    const abort = this.#abort;
    setTimeout(() => abort?.abort(), GRACE);
  }

  /** Ends the painting that is under way, at the visitor's wish; what was shown before stays. */
  cancel() {
    this.#wanted = false;
    this.#abort?.abort();
  }

  /** Shows the chosen style: on the scene, whose painting the site brings along, or on the visitor's own picture. */
  showStyle() {
    if (this.#sources.current.kind === "scene") this.showScene();
    else this.repaint();
  }

  /** Shows the drawing that every site brings along, and its ready painting, without fetching a model. */
  async showScene() {
    const style = this.#styles.chosen;
    const loaded = await Promise.all([loadImage(this.#scene), loadImage(style.preview)]).catch(() => undefined);
    // Something else may have been chosen meanwhile.
    if (style !== this.#styles.chosen || this.#sources.current.kind !== "scene") return;
    if (!loaded)
      return this.#goBack(`${style.title} can’t be shown: its picture isn’t there. Check the connection, then try again.`);
    const [before, after] = loaded;
    const { naturalWidth: width, naturalHeight: height } = before;
    this.#sources.set({ kind: "scene", element: before, width, height, unseen: false });
    this.#resize(width, height);
    this.#original.drawImage(before, 0, 0, width, height);
    this.#stylized.drawImage(after, 0, 0, width, height);
    delete $("picture").dataset.painted;
    clearSpeed();
    this.#markPainted(style);
    if ($("strength").dataset.touched || $("size").dataset.touched) this.repaint();
  }

  /** Takes note of a new source: nothing painted is shown of it yet, unless it was seen before. */
  startSource({ unseen }) {
    if (unseen) this.#markUnpainted();
    forgetSpeed();
  }

  /** Returns the present picture at another size: `{image, alpha}`, as `#take` does; nothing for a live one. */
  takeWhole(longest) {
    const source = this.#sources.current;
    return source.live ? undefined : this.#take(source, longest);
  }

  async #paintAll() {
    this.#painting = true;
    try {
      while (this.#wanted || this.#sources.moving) {
        this.#wanted = false;
        if (this.#sources.current.live) await this.#sources.nextFrame();
        await this.#paintOnce().catch((error) => {
          if (error.name !== "AbortError" || !this.#wanted) throw error; // else a newer wish ended it
        });
      }
    } catch (error) {
      await this.#giveUp(error);
    } finally {
      this.#painting = false;
      showPainting(null);
      if (this.#wanted) this.repaint();
      else if (this.isIdle) this.#idle();
    }
  }

  /** Says why there is no painting, unless what was chosen meanwhile comes next. */
  async #giveUp(error) {
    const stopped = error.name === "AbortError";
    if (this.#sources.current.live && !this.#wanted) await this.#sources.freeze();
    clearSpeed();
    if (!this.#wanted) this.#goBack(stopped ? "Stopped. Choose a style to paint again." : error.message, stopped ? "info" : "error");
    else if (!stopped) say(error.message, "error");
  }

  async #paintOnce() {
    const source = this.#sources.current;
    const style = this.#styles.chosen;
    if (!source.width() || !source.height()) return;
    if (source.unseen) this.#showUnpainted(source);
    if (!source.live) showPainting({ style, done: null });
    this.#abort = new AbortController();
    const { image, alpha } = this.#take(source, chosenSize());
    const inputs = this.#styles.inputsOf(style, chosenStrength());
    const { signal } = this.#abort;
    // A live picture shows by itself that it is painted; downloads and slow ones are shown all the same.
    const report = (message) => showPainting({ style, ...message });
    const { pixels, seconds } = await this.#engine.paint({ model: style, image, inputs }, signal, report);
    // A style or a source that was chosen meanwhile: its own painting comes next.
    if (source !== this.#sources.current || style !== this.#styles.chosen) return void (this.#wanted = true);
    if (source.live) showPainting(null);
    this.#show(image, new ImageData(pixels, image.width, image.height), style);
    this.#shown.alpha = alpha;
    showSpeed(source.live, seconds);
    if (!source.live) announce(`${style.title} is painted, in ${seconds.toFixed(1)} seconds.`);
  }

  /** The alpha of the painting that is shown, one byte a pixel, where it is transparent anywhere. */
  get shownAlpha() {
    return this.#shown?.alpha;
  }

  /** After a failure, chooses what is shown, so that caption, strength and the names of saved files stay true. */
  #goBack(why, kind = "error") {
    if (this.#shown && this.#shown.style !== this.#styles.chosen) {
      const { style, strength } = this.#shown;
      this.#styles.choose(style);
      setStrength(strength);
    } else this.#styles.failed = true;
    say(why, kind);
  }

  /**
   * Reads a source's present pixels, scaled down so that the longer side has at most `longest`.
   *
   * @returns {{image: ImageData, alpha: Uint8ClampedArray | undefined}} The picture over white, and its alpha where it
   *   is transparent anywhere.
   */
  #take(source, longest) {
    const [width, height] = [source.width(), source.height()];
    const scale = Math.min(1, longest / Math.max(width, height));
    const step = source.live ? 2 : 1; // video codecs want even sides
    const [w, h] = [width, height].map((side) => Math.max(step, step * Math.round((side * scale) / step)));
    const scratch = this.#scratch;
    if (scratch.canvas.width !== w || scratch.canvas.height !== h) Object.assign(scratch.canvas, { width: w, height: h });
    scratch.imageSmoothingQuality = "high";
    scratch.setTransform(source.mirrored ? -1 : 1, 0, 0, 1, source.mirrored ? w : 0, 0);
    scratch.clearRect(0, 0, w, h);
    scratch.drawImage(source.element, 0, 0, w, h);
    if (source.live) return { image: scratch.getImageData(0, 0, w, h) };
    const alpha = alphaOf(scratch.getImageData(0, 0, w, h).data);
    if (alpha) {
      scratch.globalCompositeOperation = "destination-over";
      scratch.fillStyle = "white";
      scratch.fillRect(0, 0, w, h);
      scratch.globalCompositeOperation = "source-over";
    }
    const image = scratch.getImageData(0, 0, w, h);
    if (w * h > 4e6) Object.assign(scratch.canvas, { width: 1, height: 1 }); // gives its memory back
    return { image, alpha };
  }

  /** Shows at once what was chosen, before its painting, which may have to wait for a download. */
  #showUnpainted(source) {
    source.unseen = false;
    const { image } = this.#take(source, chosenSize());
    this.#draw(image, image);
    this.#markUnpainted();
  }

  #markUnpainted() {
    this.#shown = undefined;
    delete $("picture").dataset.painted;
    showPainted(false, this.#sources.current, this.canvas);
  }

  #markPainted(style) {
    this.#shown = { style, strength: $("strength").value };
    this.#styles.failed = false;
    showCaption(style);
    showPainted(true, this.#sources.current, this.canvas);
  }

  #show(image, result, style) {
    this.#draw(image, result);
    $("picture").dataset.painted = style.name;
    this.#markPainted(style);
  }

  /** Draws both halves at once, so that they are always of the same moment. */
  #draw(image, result) {
    const { width, height } = image;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.#recorder.stop(); // a clip has one size
      this.#resize(width, height);
    }
    this.#original.putImageData(image, 0, 0);
    this.#stylized.putImageData(result, 0, 0);
  }

  #resize(width, height) {
    for (const { canvas } of [this.#original, this.#stylized]) Object.assign(canvas, { width, height });
    document.documentElement.style.setProperty("--aspect", width / height);
  }
}

/** Returns the alpha of RGBA bytes, or nothing where all of them are opaque. */
function alphaOf(data) {
  let at = 3;
  while (at < data.length && data[at] === 255) at += 4;
  if (at >= data.length) return undefined;
  return Uint8ClampedArray.from({ length: data.length / 4 }, (_, pixel) => data[4 * pixel + 3]);
}

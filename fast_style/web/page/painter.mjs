// What is shown: a source, the same picture painted in the chosen style, and the two side by side.

import { loadImage } from "./source.mjs";
import { $, chosenSize, chosenStrength, clearSpeed, forgetSpeed, say, setStrength, showPainting, showSpeed } from "./ui.mjs";

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
  #engine;
  #sources;
  #styles;
  #recorder;
  #scene; // the address of the sample scene

  /** @param {object} parts The page's `engine`, `sources`, `styles` and `recorder`, and the address of its `scene`. */
  constructor({ engine, sources, styles, recorder, scene }) {
    this.#engine = engine;
    this.#sources = sources;
    this.#styles = styles;
    this.#recorder = recorder;
    this.#scene = scene;
  }

  /** The style of the painting that is shown; another one may be chosen, and still on its way. */
  get shownStyle() {
    return this.#shown?.style;
  }

  /** Asks for the picture to be painted anew; a live one is painted again and again. */
  repaint() {
    this.#wanted = true;
    if (!this.#painting) this.#paintAll();
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
    this.#markPainted();
    if ($("strength").dataset.touched || $("size").dataset.touched) this.repaint();
  }

  /** Takes note of a new source: nothing painted is shown of it yet, unless it was seen before. */
  startSource({ unseen }) {
    if (unseen) this.#markUnpainted();
    forgetSpeed();
  }

  async #paintAll() {
    this.#painting = true;
    try {
      while (this.#wanted || this.#sources.current.live) {
        this.#wanted = false;
        if (this.#sources.current.live) await this.#sources.nextFrame();
        await this.#paintOnce();
      }
    } catch (error) {
      if (this.#sources.current.live && !this.#wanted) await this.#sources.freeze();
      clearSpeed();
      if (this.#wanted) say(error.message, "error"); // what was chosen meanwhile comes next
      else this.#goBack(error.message);
    } finally {
      this.#painting = false;
      $("picture").removeAttribute("aria-busy");
      if (this.#wanted) this.repaint();
    }
  }

  async #paintOnce() {
    const source = this.#sources.current;
    const style = this.#styles.chosen;
    if (!source.width() || !source.height()) return;
    if (source.unseen) this.#showUnpainted(source);
    if (!source.live) showPainting();
    // A style or a source that is chosen during a wait: its own painting comes next.
    const outdated = () => source !== this.#sources.current || style !== this.#styles.chosen;
    await this.#engine.open(style);
    if (outdated()) return void (this.#wanted = true);
    const image = this.#take(source, chosenSize());
    const { pixels, seconds } = await this.#engine.paint(image, chosenStrength());
    if (outdated()) return void (this.#wanted = true);
    this.#show(image, new ImageData(pixels, image.width, image.height));
    showSpeed(source.live, seconds);
  }

  /** After a failure, chooses what is shown, so that caption, strength and the names of saved files stay true. */
  #goBack(why) {
    if (this.#shown && this.#shown.style !== this.#styles.chosen) {
      const { style, strength } = this.#shown;
      this.#styles.choose(style);
      setStrength(strength);
    } else this.#styles.failed = true;
    say(why, "error");
  }

  /** Reads a source's present pixels over white, scaled down so that the longer side has at most `longest`. */
  #take(source, longest) {
    const width = source.width(), height = source.height();
    const scale = Math.min(1, longest / Math.max(width, height));
    const step = source.live ? 2 : 1; // video codecs want even sides
    const [w, h] = [width, height].map((side) => Math.max(step, step * Math.round((side * scale) / step)));
    const scratch = this.#scratch;
    if (scratch.canvas.width !== w || scratch.canvas.height !== h) Object.assign(scratch.canvas, { width: w, height: h });
    scratch.imageSmoothingQuality = "high";
    scratch.setTransform(source.mirrored ? -1 : 1, 0, 0, 1, source.mirrored ? w : 0, 0);
    scratch.fillStyle = "white";
    scratch.fillRect(0, 0, w, h);
    scratch.drawImage(source.element, 0, 0, w, h);
    return scratch.getImageData(0, 0, w, h);
  }

  /** Shows at once what was chosen, before its painting, which may have to wait for a download. */
  #showUnpainted(source) {
    source.unseen = false;
    const image = this.#take(source, chosenSize());
    this.#show(image, image);
    this.#markUnpainted();
  }

  #markUnpainted() {
    this.#shown = undefined;
    delete $("picture").dataset.painted;
    $("save").disabled = true;
  }

  #markPainted() {
    this.#shown = { style: this.#styles.chosen, strength: $("strength").value };
    this.#styles.failed = false;
    $("save").disabled = false;
  }

  /** Draws both halves at once, so that they are always of the same moment. */
  #show(image, result) {
    const { width, height } = image;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.#recorder.stop(); // a clip has one size
      this.#resize(width, height);
    }
    this.#original.putImageData(image, 0, 0);
    this.#stylized.putImageData(result, 0, 0);
    $("picture").dataset.painted = this.#styles.chosen.name;
    this.#markPainted();
  }

  #resize(width, height) {
    for (const { canvas } of [this.#original, this.#stylized]) Object.assign(canvas, { width, height });
    document.documentElement.style.setProperty("--aspect", width / height);
  }
}

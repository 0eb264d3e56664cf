// The styles to choose from, and the one that is chosen.

import { $, hush, showChosenStyle, showEffort } from "./ui.mjs";

/** The size of a style's picture in the list, in pixels, which shows the middle of others. */
const THUMBNAIL = { width: 160, height: 120 };
/** Of a very tall or wide picture the preview has at most this side. */
const LONGEST_PREVIEW = 480;

/** The styles of the site: entries of its manifest, of which several may share one painting. */
export class Styles {
  chosen;
  /** Whether painting in the chosen style failed; another click on it tries again. */
  failed = false;
  #all;
  #paintings; // each a list of the styles that share one, by different networks, from the quickest to the finest
  #finer = false; // whether the visitor prefers the finest
  #visible = new Set(); // numbers of the paintings that are in sight
  #previewing; // what stops the previews that are under way

  /** @param {object[]} all The manifest's models, of which the first opens the page. */
  constructor(all) {
    this.#all = all;
    const byPainting = Map.groupBy?.(all, ({ painting }) => painting) ?? groupBy(all, ({ painting }) => painting);
    this.#paintings = [...byPainting.values()].map(oneOfEachNetwork);
  }

  /** Returns the number of a style's painting in the list. */
  #numberOf({ painting }) {
    return this.#paintings.findIndex(([first]) => first.painting === painting);
  }

  /** The style that the page's address names, or the first one. */
  get opening() {
    return this.#linked ?? this.#all[0];
  }

  get #linked() {
    return this.#all.find(({ name }) => `#${name}` === location.hash);
  }

  /** Returns the values of a style's inputs besides the picture. */
  inputsOf({ inputs, values }, strength) {
    return { ...values, ...(inputs.strength ? { strength } : {}) };
  }

  /** Chooses a style; `link` also writes it into the page's address. */
  choose(style, { link = true } = {}) {
    this.chosen = style;
    this.failed = false;
    const number = this.#numberOf(style);
    const styles = this.#paintings[number];
    $(`style-${number}`).checked = true;
    showChosenStyle(style, $(`style-${number}`).parentElement);
    showEffort(styles.length > 1, style === styles.at(-1));
    if (link) history.replaceState(null, "", `#${style.name}`);
    hush();
  }

  /** Lists the styles on the page; `show()` is called for each choice, and for another try of one that failed. */
  list(show) {
    const choose = (style) => {
      this.choose(style);
      show();
    };
    this.#paintings.forEach((styles, number) => {
      const input = Object.assign(document.createElement("input"), {
        type: "radio", name: "style", id: `style-${number}`, value: styles[0].name,
      });
      input.onchange = () => choose(styles.at(this.#finer ? -1 : 0));
      // Browsers report no change for a style that is chosen already.
      input.onclick = () => {
        if (number !== this.#numberOf(this.chosen) || !this.failed) return;
        this.failed = false;
        hush();
        show();
      };
      const cell = Object.assign(document.createElement("div"), { className: "style" });
      cell.append(input, labelOf(styles[0], input.id));
      cell.dataset.number = number;
      $("strip").append(cell);
    });
    for (const [id, place] of [["faster", 0], ["finer", -1]])
      $(id).onchange = () => {
        this.#finer = id === "finer";
        choose(this.#paintings[this.#numberOf(this.chosen)].at(place));
      };
    addEventListener("hashchange", () => {
      const linked = this.#linked;
      if (linked && linked !== this.chosen) choose(linked);
    });
    this.#watchSight();
  }

  #watchSight() {
    const observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries)
        this.#visible[isIntersecting ? "add" : "delete"](Number(target.dataset.number));
      this.onsight?.();
    }, { root: $("strip") });
    for (const cell of $("strip").children) observer.observe(cell);
  }

  /** Chooses any other painting than the chosen one, and returns its style. */
  surprise() {
    const others = this.#paintings.toSpliced(this.#numberOf(this.chosen), 1);
    return others.length ? others[Math.floor(Math.random() * others.length)][0] : this.chosen;
  }

  /** Stops the previews, and forgets what they show: the picture is another. */
  forgetPreviews() {
    this.stopPreviews();
    for (const cell of $("strip").children) {
      const image = cell.querySelector("img");
      if (cell.dataset.previewed) image.src = this.#paintings[cell.dataset.number][0].thumbnail;
      delete cell.dataset.previewed;
    }
  }

  /** Stops the previews that are still to come. */
  stopPreviews() {
    this.#previewing?.abort();
    this.#previewing = undefined;
  }

  /**
   * Shows the styles in sight on the visitor's own picture, one after another.
   *
   * @param {object} engine The engine.
   * @param {ImageData} image The picture, small.
   */
  async preview(engine, image) {
    if (this.#previewing) return;
    const { signal } = (this.#previewing = new AbortController());
    try {
      for (;;) {
        const cell = [...$("strip").children].find(
          ({ dataset }) => this.#visible.has(Number(dataset.number)) && !dataset.previewed,
        );
        if (!cell) break;
        const [style] = this.#paintings[cell.dataset.number];
        const job = { model: style, image, inputs: this.inputsOf(style, style.inputs.strength?.default), preview: true };
        const { pixels } = await engine.paint(job, signal);
        cell.querySelector("img").src = addressOf(new ImageData(pixels, image.width, image.height));
        cell.dataset.previewed = "yes";
      }
    } catch {
      // A style that can't be had now keeps its own picture; choosing it says why.
    } finally {
      if (this.#previewing?.signal === signal) this.#previewing = undefined;
    }
  }

  /** Returns the longer side of a picture that fills its place in the list, in pixels. */
  static previewSide(width, height) {
    const scale = Math.max(THUMBNAIL.width / width, THUMBNAIL.height / height);
    return Math.min(LONGEST_PREVIEW, Math.ceil(scale * Math.max(width, height)));
  }
}

function groupBy(list, key) {
  const groups = new Map();
  for (const each of list) groups.set(key(each), [...(groups.get(key(each)) ?? []), each]);
  return groups;
}

/** Sorts the styles of a painting from the quickest to the finest; those of one network cost the same: one is enough. */
function oneOfEachNetwork(styles) {
  const sorted = styles.toSorted((a, b) => a.bytes - b.bytes);
  return sorted.filter((style, at) => at === sorted.findIndex(({ network }) => network === style.network));
}

function labelOf(style, inputId) {
  const image = Object.assign(document.createElement("img"), {
    src: style.thumbnail, alt: "", ...THUMBNAIL, loading: "lazy",
  });
  const title = Object.assign(document.createElement("span"), { textContent: style.title, title: style.title });
  const label = Object.assign(document.createElement("label"), { htmlFor: inputId });
  label.append(image, title);
  return label;
}

function addressOf(picture) {
  const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas.toDataURL("image/jpeg", 0.85);
}

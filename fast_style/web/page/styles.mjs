// The styles to choose from, and the one that is chosen.

import { $, bytesText, hush, showStyleDetails } from "./ui.mjs";

/** The styles of the site; each is an entry of its manifest. */
export class Styles {
  chosen;
  /** Whether painting in the chosen style failed; another click on it tries again. */
  failed = false;
  #all;

  /** @param {object[]} all The manifest's models, of which the first opens the page. */
  constructor(all) {
    this.#all = all;
  }

  /** The style that the page's address names, or the first one. */
  get opening() {
    return this.#linked ?? this.#all[0];
  }

  get #linked() {
    return this.#all.find(({ name }) => `#${name}` === location.hash);
  }

  /** Chooses a style and names it on the page; `link` also writes it into the page's address. */
  choose(style, { link = true } = {}) {
    this.chosen = style;
    this.failed = false;
    showStyleDetails(style);
    $(`style-${this.#all.indexOf(style)}`).checked = true;
    if (link) history.replaceState(null, "", `#${style.name}`);
    hush();
  }

  /** Lists the styles on the page; `show()` is called for each choice, and for another try of one that failed. */
  list(show) {
    this.#all.forEach((style, index) => {
      const input = Object.assign(document.createElement("input"), {
        type: "radio", name: "style", id: `style-${index}`, value: style.name,
      });
      input.onchange = () => {
        this.choose(style);
        show();
      };
      // Browsers report no change for a style that is chosen already.
      input.onclick = () => {
        if (style !== this.chosen || !this.failed) return;
        this.failed = false;
        hush();
        show();
      };
      const cell = Object.assign(document.createElement("div"), { className: "style" });
      cell.append(input, this.#label(style, input.id));
      $("strip").append(cell);
    });
    addEventListener("hashchange", () => {
      const linked = this.#linked;
      if (linked && linked !== this.chosen) $(`style-${this.#all.indexOf(linked)}`).click();
    });
  }

  #label(style, inputId) {
    const image = Object.assign(document.createElement("img"), {
      src: style.thumbnail, alt: "", width: 160, height: 120, loading: "lazy",
    });
    const title = Object.assign(document.createElement("span"), { textContent: style.title });
    const shared = this.#all.filter((other) => other.title === style.title).length > 1;
    const about = Object.assign(document.createElement("small"), {
      textContent: `${shared ? `${style.name} · ` : ""}${bytesText(style.bytes)}`,
    });
    const label = Object.assign(document.createElement("label"), { htmlFor: inputId });
    label.append(image, title, about);
    return label;
  }
}

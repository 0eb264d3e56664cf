// Sample photos that every site brings along, for visitors without one at hand.

import { $, say } from "./ui.mjs";

/** The dialog that offers the samples. */
export class Samples {
  #all;
  #sources;

  /**
   * @param {{title: string, url: string}[]} all The manifest's samples.
   * @param {object} sources Opens what is chosen.
   */
  constructor(all, sources) {
    this.#all = all;
    this.#sources = sources;
    const dialog = $("samples-dialog");
    for (const sample of all) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "sample" });
      const image = Object.assign(document.createElement("img"), { src: sample.url, alt: "", loading: "lazy", width: 160, height: 120 });
      button.append(image, Object.assign(document.createElement("span"), { textContent: sample.title }));
      button.onclick = () => {
        dialog.close();
        this.#open(sample);
      };
      $("samples-list").append(button);
    }
    $("samples").hidden = !all.length;
    $("samples").onclick = () => dialog.showModal();
    $("samples-close").onclick = () => dialog.close();
  }

  /** Opens any of the samples; returns whether there is one. */
  async openAny() {
    const sample = this.#all[Math.floor(Math.random() * this.#all.length)];
    return Boolean(sample) && this.#open(sample);
  }

  async #open({ title, url }) {
    try {
      const response = await fetch(url);
      if (!response.ok) throw new Error(`the server says ${response.status}`);
      await this.#sources.openFile(new File([await response.blob()], title, { type: "image/jpeg" }));
      return true;
    } catch (error) {
      say(`${title} can’t be fetched (${error.message}). Check the connection, then try again.`, "error");
      return false;
    }
  }
}

// The engine as the page sees it: the worker that runs the models, wrapped in promises.

/** Runs models in a worker, so that the page never waits for arithmetic. */
export class Engine {
  #worker = new Worker(new URL("worker.mjs", import.meta.url), { type: "module" });
  #waiting = new Map(); // request -> the functions that settle its promise
  #opened; // {name, promise} of the model asked for last
  #lastId = 0;
  #broken; // the error that every request gets once the worker has failed
  #listener;

  /**
   * Starts the worker.
   *
   * @param {object} manifest The site's manifest, which names the models and the files of onnxruntime-web.
   * @param {object} listener Callbacks: `started(message)` says what runs the models and why, `progress(message)` how
   *   far a download is (`null` at its end), and `failed(text)` that nothing more can be painted.
   */
  constructor(manifest, listener) {
    this.#listener = listener;
    this.#worker.onmessage = ({ data }) => this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message || "its worker can’t be started; this browser may be too old");
    };
    const query = new URLSearchParams(location.search); // ?engine=wasm&threads=1, for comparisons
    this.#worker.postMessage({
      type: "start", engines: manifest.engines, models: manifest.models,
      engine: manifest.engines[query.get("engine")] && query.get("engine"),
      threads: Number(query.get("threads")) || undefined,
    });
  }

  /** Makes a model the one that paints, and fetches it first if need be. */
  open(model) {
    if (this.#opened?.name !== model.name) {
      const promise = this.#request("open", { type: "open", model });
      this.#opened = { name: model.name, promise };
      promise.catch(() => (this.#opened = undefined)).finally(() => this.#listener.progress(null));
    }
    return this.#opened.promise;
  }

  /**
   * Paints an image with the open model.
   *
   * @param {ImageData} image The picture, in RGBA.
   * @param {number} strength The strength, for models that take one.
   * @returns {Promise<{pixels: Uint8ClampedArray, seconds: number}>} RGBA bytes of the same size, and the time taken.
   */
  paint(image, strength) {
    const id = ++this.#lastId;
    const { data, width, height } = image;
    return this.#request(id, { type: "paint", id, pixels: data, width, height, strength });
  }

  #request(key, message) {
    return new Promise((resolve, reject) => {
      if (this.#broken) return reject(this.#broken);
      this.#waiting.set(key, { resolve, reject });
      this.#worker.postMessage(message);
    });
  }

  #receive(message) {
    const { type } = message;
    if (type === "engine") this.#listener.started(message);
    else if (type === "progress") this.#listener.progress(message);
    else if (message.of === "start") this.#fail(message.message);
    else this.#settle(type === "opened" || message.of === "open" ? "open" : message.id, message);
  }

  #settle(key, message) {
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (message.type === "failed") waiting?.reject(new Error(message.message));
    else waiting?.resolve(message);
  }

  #fail(why) {
    this.#broken = new Error(`The engine can’t run: ${why}.`);
    for (const { reject } of this.#waiting.values()) reject(this.#broken);
    this.#waiting.clear();
    this.#listener.failed(this.#broken.message);
  }
}

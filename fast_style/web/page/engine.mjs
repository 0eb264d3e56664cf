// The engine as the page sees it: the worker that runs the models, wrapped in promises.

/** A cancelled request that the worker hasn't let go of by then is in the middle of a long step. */
const PATIENCE = 500; // ms
/** A preview is small and soon done, sooner than another worker has begun. */
const PATIENCE_FOR_PREVIEWS = 5000; // ms

/** Runs models in a worker, so that the page never waits for arithmetic. */
export class Engine {
  #worker;
  #start; // the message that starts a worker
  #waiting = new Map(); // id -> the request's message, and the functions that settle its promise
  #lastId = 0;
  #broken; // the error that every request gets once the worker has failed
  #listener;

  /**
   * Starts the worker.
   *
   * @param {object} manifest The site's manifest, which names the models and the files of onnxruntime-web.
   * @param {object} listener Callbacks: `started(message)` says what runs the models and why, and `failed(text)` that
   *   nothing more can be painted.
   */
  constructor(manifest, listener) {
    this.#listener = listener;
    const query = new URLSearchParams(location.search); // ?engine=wasm&threads=1, for comparisons
    this.#start = {
      type: "start", engines: manifest.engines, models: manifest.models,
      engine: manifest.engines[query.get("engine")] && query.get("engine"),
      threads: Number(query.get("threads")) || undefined,
    };
    this.#startWorker();
  }

  #startWorker() {
    const worker = new Worker(new URL("worker.mjs", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => worker === this.#worker && this.#receive(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message || "its worker can’t be started; this browser may be too old");
    };
    this.#worker = worker;
    worker.postMessage(this.#start);
  }

  /**
   * Paints an image.
   *
   * @param {object} job What to do: a `model` of the manifest, an `image` (ImageData), and values for the model's other
   *   `inputs`; `preview` leaves the model that paints as it is.
   * @param {AbortSignal} signal Ends the work.
   * @param {(message: object) => void} progress Called with `{type: "download", what, done, total}`, where `what` is
   *   "painter" or "painting"; with `{type: "begun"}`; and with `{type: "progress", done}` for a picture that takes long.
   * @returns {Promise<{pixels: Uint8ClampedArray, seconds: number}>} RGBA bytes of the same size, and the time taken.
   */
  paint({ model, image: { data, width, height }, inputs, preview = false }, signal, progress = () => {}) {
    return new Promise((resolve, reject) => {
      if (this.#broken) return reject(this.#broken);
      if (signal.aborted) return reject(signal.reason);
      const id = ++this.#lastId;
      const message = { type: preview ? "preview" : "paint", id, model, pixels: data, width, height, inputs };
      this.#waiting.set(id, { message, resolve, reject, progress });
      this.#worker.postMessage(message);
      signal.addEventListener("abort", () => this.#cancel(id, signal.reason), { once: true });
    });
  }

  #cancel(id, reason) {
    const request = this.#waiting.get(id);
    if (!request) return;
    request.reject(reason);
    request.cancelled = true;
    const worker = this.#worker;
    worker.postMessage({ type: "cancel", id });
    setTimeout(() => {
      // A step can't be stopped, but its worker can; another one goes on with what is still wanted.
      if (!this.#waiting.has(id) || worker !== this.#worker || this.#broken) return;
      worker.terminate();
      this.#startWorker();
      for (const [each, { message, cancelled }] of this.#waiting)
        if (cancelled) this.#waiting.delete(each);
        else this.#worker.postMessage(message);
    }, request.message.type === "preview" ? PATIENCE_FOR_PREVIEWS : PATIENCE);
  }

  #receive(message) {
    const { type, id } = message;
    if (type === "engine") return this.#listener.started(message);
    if (message.of === "start") return this.#fail(message.message);
    const request = this.#waiting.get(id);
    if (!request) return;
    if (["download", "begun", "progress"].includes(type)) return request.cancelled || request.progress(message);
    this.#waiting.delete(id);
    if (type === "failed") request.reject(new Error(message.message));
    else request.resolve(message);
  }

  #fail(why) {
    this.#broken = new Error(`The engine can’t run: ${why}.`);
    for (const { reject } of this.#waiting.values()) reject(this.#broken);
    this.#waiting.clear();
    this.#listener.failed(this.#broken.message);
  }
}

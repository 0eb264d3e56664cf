// The worker: runs models with onnxruntime-web, so that the page never waits for arithmetic.
//
// In:  {type: "start", engines, models, engine, threads}            once
//      {type: "paint", id, model, pixels, width, height, inputs}    RGBA bytes and an entry of the site's manifest
//      {type: "preview", …}                                         the same, small, and beside the model that paints
//      {type: "cancel", id}                                         a "paint" or "preview" that isn't wanted any more
// Out: "engine" what runs the models and why · "download", "begun" and "progress", with the id, how far it is ·
//      "painted", "failed" or "cancelled", with the id: the answer to each request

import { Problem, fetchChecked, firstLine, forgetOthers } from "./downloads.mjs";
import { Graph } from "./graph.mjs";
import { paintByTiles } from "./tiles.mjs";

/** A picture that takes longer in one piece is painted by tiles, with progress, and can be stopped meanwhile. */
const PATIENCE = 2; // s
/** Until a model was timed, a guess: the seconds that a backend takes for each pixel and byte of the model. */
const GUESSES = { wasm: 3e-12, webgpu: 3e-13 };
/** More pixels fit into no browser's memory in one piece. */
const LARGEST_PIECE = 4e6;

let engines; // from the manifest: the files of onnxruntime-web's two builds
let backend; // "webgpu" or "wasm"
let threads;
let runtime; // the promise of onnxruntime-web
let opened; // what is held of the model that paints; see `Opened`
const times = new Map(); // checksum of a model -> seconds for a pixel in one piece

class Cancelled extends Error {}

/** A request, which may be cancelled while it waits or between two steps of its work. */
class Job {
  constructor(message) {
    Object.assign(this, message);
    this.cancelled = new Promise((_, reject) => (this.cancel = () => reject(new Cancelled())));
    this.cancelled.catch(() => {});
  }

  /** Waits for something, unless the job is cancelled before. */
  wait(promise) {
    promise.catch(() => {}); // nobody may be left who wants to know
    return Promise.race([promise, this.cancelled]);
  }

  tell(type, more, transfer = []) {
    self.postMessage({ type, id: this.id, ...more }, transfer);
  }
}

const jobs = new Map(); // by id, until they are answered
let current; // the one that is answered now
let last = Promise.resolve(); // one request after another: a model is not replaced while it paints

self.onmessage = ({ data }) => {
  if (data.type === "cancel") return cancel(jobs.get(data.id));
  const job = new Job(data);
  if (data.id) jobs.set(data.id, job);
  last = last.then(() => handle(job));
};

function cancel(job) {
  job?.cancel();
  if (!job || job === current) return;
  jobs.delete(job.id); // it never begins
  job.tell("cancelled");
}

async function handle(job) {
  if (job.id && !jobs.has(job.id)) return;
  current = job;
  try {
    if (job.type === "start") await start(job);
    else await answer(job);
  } catch (error) {
    if (error instanceof Cancelled) job.tell("cancelled");
    else job.tell("failed", { of: job.type, message: error instanceof Problem ? error.message : `${error}` });
  } finally {
    jobs.delete(job.id);
  }
}

async function start(message) {
  engines = message.engines;
  const gpu = await lookForGpu();
  backend = message.engine ?? (gpu.usable ? "webgpu" : "wasm");
  const cores = navigator.hardwareConcurrency ?? 1;
  // Only half of many cores: on phones the others are slow, and waiting for them costs more than they add.
  const wanted = message.threads ?? (cores <= 4 ? cores : Math.min(8, Math.ceil(cores / 2)));
  threads = self.crossOriginIsolated ? Math.max(1, wanted) : 1;
  reportEngine(gpu.why);
  await forgetOthers([...message.models, ...Object.values(engines).flatMap(Object.values)]);
}

function reportEngine(gpu) {
  self.postMessage({ type: "engine", backend, threads, isolated: self.crossOriginIsolated, gpu });
}

/** Looks for a real graphics card: one that the processor imitates is slower than WebAssembly. */
async function lookForGpu() {
  if (!navigator.gpu) return { usable: false, why: self.isSecureContext ? "missing" : "insecure" };
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  if (!adapter) return { usable: false, why: "none" };
  const { vendor = "", architecture = "", device = "", description = "", isFallbackAdapter } = adapter.info ?? {};
  const software = /swiftshader|llvmpipe|lavapipe|software|basic render/i;
  if (isFallbackAdapter || adapter.isFallbackAdapter || software.test(`${vendor} ${architecture} ${device} ${description}`))
    return { usable: false, why: "software" };
  return { usable: true, why: "card" };
}

/** Answers a "paint" or a "preview". */
async function answer(job) {
  runtime ??= loadRuntime().catch((error) => {
    runtime = undefined; // the next try begins anew
    throw error;
  });
  await job.wait(runtime);
  const [bytes] = await job.wait(fetchChecked([job.model], job.model.title, reportDownload("painting")));
  if (job.type === "paint" && opened?.integrity !== job.model.integrity) {
    await opened?.release();
    opened = new Opened(job.model, new Uint8Array(bytes));
  }
  if (job.type === "paint") job.tell("begun");
  const model = job.type === "paint" ? opened : new Opened(job.model, new Uint8Array(bytes));
  const began = performance.now();
  let painted;
  try {
    painted = await paint(job, model);
  } finally {
    if (model !== opened) await model.release();
  }
  job.tell("painted", { pixels: painted, seconds: (performance.now() - began) / 1000 }, [painted.buffer]);
}

async function paint(job, model) {
  try {
    return await run(job, model);
  } catch (error) {
    if (error instanceof Cancelled) throw error;
    if (backend !== "webgpu") {
      const where = `${job.width} × ${job.height} px`;
      throw new Problem(`This device can’t paint ${where} (${firstLine(error)}). Try a smaller size.`);
    }
    giveUpGpu(error);
    await model.release();
    return run(job, model);
  }
}

/** Goes on with WebAssembly: the build for WebGPU runs models on the processor, too. */
function giveUpGpu(error) {
  console.warn("WebGPU failed, going on with WebAssembly:", error);
  backend = "wasm";
  reportEngine("failed");
}

/** A model, and the sessions of it that were needed so far: of the whole, and of the parts that tiles go through. */
class Opened {
  #bytes;
  #sessions = new Map();
  #graph;

  constructor({ integrity }, bytes) {
    this.integrity = integrity;
    this.#bytes = bytes;
  }

  get graph() {
    return (this.#graph ??= new Graph(this.#bytes));
  }

  whole() {
    return this.session("", () => this.#bytes);
  }

  async session(key, make) {
    if (!this.#sessions.has(key)) {
      const ort = await runtime;
      const options = { executionProviders: [backend], logSeverityLevel: 3, enableCpuMemArena: key === "" };
      this.#sessions.set(key, await ort.InferenceSession.create(make(), options));
    }
    return this.#sessions.get(key);
  }

  async release() {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) await session.release().catch(() => {});
  }
}

async function run(job, model) {
  const { width, height, model: { integrity, bytes, minimum_side: side } } = job;
  const pixels = width * height;
  const timed = times.get(integrity) ?? GUESSES[backend] * bytes;
  if ((timed * pixels > PATIENCE || pixels > LARGEST_PIECE) && width >= side && height >= side) return runTiles(job, model);
  const began = performance.now();
  const result = await runWhole(job, await model.whole());
  // Very small pictures say little of the time for a pixel, and the first run includes preparations.
  if (pixels > 1e4) times.set(integrity, Math.min(times.get(integrity) ?? Infinity, (performance.now() - began) / 1000 / pixels));
  return result;
}

async function runTiles(job, model) {
  const ort = await runtime;
  let told = 0;
  return paintByTiles({
    ort, image: job, graph: model.graph, inputs: tensorsOf(ort, job.inputs),
    open: (key, make) => model.session(key, make),
    advance: async (done) => {
      if (performance.now() - told > 100) {
        job.tell("progress", { done });
        told = performance.now();
      }
      await job.wait(nextTask()); // lets a cancellation arrive
    },
  });
}

const nextTask = () => new Promise((resolve) => setTimeout(resolve));

/** Returns the tensors of a model's inputs besides the image; each is a number or a list of them. */
const tensorsOf = (ort, inputs) =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => {
      const values = Float32Array.from([value].flat());
      return [name, new ort.Tensor("float32", values, [values.length])];
    }),
  );

async function runWhole({ pixels, width, height, model, inputs }, session) {
  const ort = await runtime;
  // A picture smaller than the network takes is mirrored outwards and cropped afterwards, as the command does.
  const wide = Math.max(width, model.minimum_side);
  const high = Math.max(height, model.minimum_side);
  const image = new ort.Tensor("uint8", toRgb(pixels, width, height, wide, high), [1, high, wide, 3]);
  const { stylized } = await session.run({ image, ...tensorsOf(ort, inputs) });
  const result = toRgba(await stylized.getData(), width, height, wide);
  stylized.dispose();
  return result;
}

/** Drops alpha from `[height, width, 4]`; mirrors the edges outwards up to `[high, wide, 3]`. */
function toRgb(rgba, width, height, wide, high) {
  const rgb = new Uint8Array(wide * high * 3);
  const mirror = (at, side) => (at % (2 * side) < side ? at % side : side - 1 - (at % side));
  const columns = Uint32Array.from({ length: wide }, (_, x) => 4 * mirror(x, width));
  let to = 0;
  for (let y = 0; y < high; y++) {
    const row = 4 * width * mirror(y, height);
    for (let x = 0; x < wide; x++) {
      const from = row + columns[x];
      rgb[to++] = rgba[from];
      rgb[to++] = rgba[from + 1];
      rgb[to++] = rgba[from + 2];
    }
  }
  return rgb;
}

/** Crops `[high, wide, 3]` to `[height, width, 4]`, opaque. */
function toRgba(rgb, width, height, wide) {
  const rgba = new Uint8ClampedArray(width * height * 4);
  let to = 0;
  for (let y = 0; y < height; y++)
    for (let from = 3 * y * wide, end = from + 3 * width; from < end; from += 3) {
      rgba[to++] = rgb[from];
      rgba[to++] = rgb[from + 1];
      rgba[to++] = rgb[from + 2];
      rgba[to++] = 255;
    }
  return rgba;
}

/** Returns a callback that tells whoever waits now how far a download is; a preview's is nobody's concern. */
const reportDownload = (what) => (done, total) => {
  if (current.type === "paint") current.tell("download", { what, done, total });
};

/** Loads onnxruntime-web in the build for the backend: three files, each checked before it is run. */
async function loadRuntime() {
  const { api, loader, binary } = engines[backend];
  const [apiBytes, loaderBytes, binaryBytes] = await fetchChecked([api, loader, binary], "The painter", reportDownload("painter"));
  const script = (bytes) => URL.createObjectURL(new Blob([bytes], { type: "text/javascript" }));
  const ort = await import(script(apiBytes));
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmBinary = binaryBytes;
  ort.env.wasm.wasmPaths = { mjs: script(loaderBytes) };
  return ort;
}

// The worker: runs models with onnxruntime-web, so that the page never waits for arithmetic.
//
// In:  {type: "start", engines, models, engine, threads}     once
//      {type: "open", model}                                 an entry of the site's manifest; answered by "opened"
//      {type: "paint", id, pixels, width, height, strength}  RGBA bytes; answered by "painted"
// Out: "engine" what runs the models and why · "progress" · "opened" · "painted" · "failed", with the id it belongs to

import { Problem, fetchChecked, firstLine, forgetOthers } from "./downloads.mjs";

let engines; // from the manifest: the files of onnxruntime-web's two builds
let backend; // "webgpu" or "wasm"
let threads;
let runtime; // the promise of onnxruntime-web
let opened; // {model, session, bytes}

const handlers = { start, open, paint };

// One request after another: a model is not replaced while it paints.
let last = Promise.resolve();
self.onmessage = ({ data }) => {
  last = last.then(async () => {
    try {
      await handlers[data.type](data);
    } catch (error) {
      const known = error instanceof Problem;
      self.postMessage({ type: "failed", of: data.type, id: data.id, message: known ? error.message : `${error}` });
    }
  });
};

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

async function open({ model }) {
  if (opened?.model.integrity !== model.integrity) {
    runtime ??= loadRuntime().catch((error) => {
      runtime = undefined; // the next try begins anew
      throw error;
    });
    await runtime;
    const bytes = await fetchChecked([model], model.title, progressOf(model.title));
    await opened?.session.release();
    opened = undefined;
    opened = { model, session: await createSession(bytes[0], model), bytes: bytes[0] };
  }
  self.postMessage({ type: "opened", model: model.name });
}

async function createSession(bytes, model) {
  const ort = await runtime;
  const create = (provider) =>
    ort.InferenceSession.create(new Uint8Array(bytes), { executionProviders: [provider], logSeverityLevel: 3 });
  try {
    return await create(backend);
  } catch (error) {
    if (backend !== "webgpu") throw new Problem(`${model.title} can’t be run by this browser (${firstLine(error)}).`);
    giveUpGpu(error);
    return create(backend);
  }
}

/** Goes on with WebAssembly: the build for WebGPU runs models on the processor, too. */
function giveUpGpu(error) {
  console.warn("WebGPU failed, going on with WebAssembly:", error);
  backend = "wasm";
  reportEngine("failed");
}

async function paint({ id, pixels, width, height, strength }) {
  const began = performance.now();
  let painted;
  try {
    painted = await run(pixels, width, height, strength);
  } catch (error) {
    if (backend !== "webgpu") {
      const where = `${width} × ${height} px`;
      throw new Problem(`This device can’t paint ${where} (${firstLine(error)}). Try a smaller size.`);
    }
    giveUpGpu(error);
    opened = { ...opened, session: await createSession(opened.bytes, opened.model) };
    painted = await run(pixels, width, height, strength);
  }
  const seconds = (performance.now() - began) / 1000;
  self.postMessage({ type: "painted", id, pixels: painted, seconds }, [painted.buffer]);
}

async function run(pixels, width, height, strength) {
  const ort = await runtime;
  const { session, model } = opened;
  // A picture smaller than the network takes is mirrored outwards and cropped afterwards, as the command does.
  const wide = Math.max(width, model.minimum_side);
  const high = Math.max(height, model.minimum_side);
  const given = { image: new ort.Tensor("uint8", toRgb(pixels, width, height, wide, high), [1, high, wide, 3]) };
  if (model.inputs.strength) given.strength = new ort.Tensor("float32", [strength], [1]);
  const { stylized } = await session.run(given);
  const result = toRgba(await stylized.getData(), width, height, wide);
  stylized.dispose();
  return result;
}

/** Drops alpha from `[height, width, 4]`; mirrors the edges outwards up to `[high, wide, 3]`. */
function toRgb(rgba, width, height, wide, high) {
  const rgb = new Uint8Array(wide * high * 3);
  if (wide === width && high === height) {
    for (let from = 0, to = 0; from < rgba.length; from += 4) {
      rgb[to++] = rgba[from];
      rgb[to++] = rgba[from + 1];
      rgb[to++] = rgba[from + 2];
    }
    return rgb;
  }
  const mirror = (at, side) => (at % (2 * side) < side ? at % side : side - 1 - (at % side));
  let to = 0;
  for (let y = 0; y < high; y++)
    for (let x = 0; x < wide; x++) {
      const from = 4 * (mirror(y, height) * width + mirror(x, width));
      rgb[to++] = rgba[from];
      rgb[to++] = rgba[from + 1];
      rgb[to++] = rgba[from + 2];
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

/** Returns a callback that tells the page how far a download is. */
const progressOf = (what) => (done, total) => self.postMessage({ type: "progress", what, done, total });

/** Loads onnxruntime-web in the build for the backend: three files, each checked before it is run. */
async function loadRuntime() {
  const { api, loader, binary } = engines[backend];
  const [apiBytes, loaderBytes, binaryBytes] = await fetchChecked([api, loader, binary], "ONNX Runtime", progressOf("ONNX Runtime"));
  const script = (bytes) => URL.createObjectURL(new Blob([bytes], { type: "text/javascript" }));
  const ort = await import(script(apiBytes));
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmBinary = binaryBytes;
  ort.env.wasm.wasmPaths = { mjs: script(loaderBytes) };
  return ort;
}

// The worker: fetches what it needs, checks it, and runs models, so that the page never waits for arithmetic.
//
// In:  {type: "start", engines, models, engine, threads}     once
//      {type: "open", model}                                 an entry of the site's manifest; answered by "opened"
//      {type: "paint", id, pixels, width, height, strength}  RGBA bytes; answered by "painted"
// Out: "engine" what runs the models and why · "progress" · "opened" · "painted" · "failed", with the id it belongs to

/** Bytes of what was fetched, by address; a file that changed is another address. */
const CACHE = `fast-style ${new URL(".", import.meta.url).pathname}`;

let engines; // of the manifest: the files of onnxruntime-web's two builds
let backend; // "webgpu" or "wasm"
let threads;
let runtime; // the promise of onnxruntime-web
let opened; // {model, session, bytes}

/** Something that the visitor can be told. */
class Problem extends Error {}

const handlers = { start, open, paint };

// One after another: a model is not replaced while it paints.
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
  // Half of many cores: on phones the other half is slow ones, and waiting for those costs more than they bring.
  const wanted = message.threads ?? (cores <= 4 ? cores : Math.min(8, Math.ceil(cores / 2)));
  threads = self.crossOriginIsolated ? Math.max(1, wanted) : 1;
  tellEngine(gpu.why);
  await forgetOthers([...message.models, ...Object.values(engines).flatMap(Object.values)]);
}

function tellEngine(gpu) {
  self.postMessage({ type: "engine", backend, threads, isolated: self.crossOriginIsolated, gpu });
}

/** A real graphics card counts; one that a processor plays is slower than WebAssembly. */
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
    const bytes = await fetchChecked([model], model.title);
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

/** The build for WebGPU runs models on the processor, too. */
function giveUpGpu(error) {
  console.warn("WebGPU failed, going on with WebAssembly:", error);
  backend = "wasm";
  tellEngine("failed");
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
  // What is smaller than the network takes is mirrored outwards, and cut back after, as the program does.
  const wide = Math.max(width, model.minimum_side);
  const high = Math.max(height, model.minimum_side);
  const given = { image: new ort.Tensor("uint8", toRgb(pixels, width, height, wide, high), [1, high, wide, 3]) };
  if (model.inputs.strength) given.strength = new ort.Tensor("float32", [strength], [1]);
  const { stylized } = await session.run(given);
  const result = toRgba(await stylized.getData(), width, height, wide);
  stylized.dispose();
  return result;
}

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

/** onnxruntime-web in the build for the backend: its three files, each checked before it is run. */
async function loadRuntime() {
  const { api, loader, binary } = engines[backend];
  const [apiBytes, loaderBytes, binaryBytes] = await fetchChecked([api, loader, binary], "ONNX Runtime");
  const script = (bytes) => URL.createObjectURL(new Blob([bytes], { type: "text/javascript" }));
  const ort = await import(script(apiBytes));
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmBinary = binaryBytes;
  ort.env.wasm.wasmPaths = { mjs: script(loaderBytes) };
  return ort;
}

/** Fetches files, or takes them from the cache; tells how far it is; throws for one that is not what the site says. */
async function fetchChecked(entries, what) {
  const total = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  const done = entries.map(() => 0);
  const report = (index, bytes) => {
    done[index] = bytes;
    self.postMessage({ type: "progress", what, done: done.reduce((a, b) => a + b), total });
  };
  return Promise.all(entries.map((entry, index) => fetchOne(entry, what, (bytes) => report(index, bytes))));
}

async function fetchOne({ url, integrity }, what, report) {
  const address = addressOf(url);
  const cache = await openCache();
  const kept = await cache?.match(address);
  if (kept) {
    const bytes = await kept.arrayBuffer();
    if (await matches(bytes, integrity)) return bytes;
    await cache.delete(address);
  }
  let response;
  try {
    // Pages that came over plain http may not compute a checksum themselves; the browser does it for them, in the end.
    response = await fetch(address, self.crypto.subtle ? {} : { integrity });
  } catch (error) {
    const or = self.crypto.subtle ? "" : ", or it isn’t the file that the site names";
    throw new Problem(`${what} can’t be fetched${or} (${firstLine(error)}). Check the connection, then try again.`);
  }
  if (!response.ok) throw new Problem(`${what} isn’t there: the server says ${response.status}.`);
  const bytes = await readAll(response, what, report);
  if (!(await matches(bytes, integrity)))
    throw new Problem(`${what} isn’t the file that the site names (another checksum), so it isn’t run. Reload, or tell the site’s owner.`);
  await cache?.put(address, new Response(bytes)).catch(() => {}); // a full disk: it is fetched again next time
  return bytes;
}

async function readAll(response, what, report) {
  const parts = [];
  let done = 0;
  try {
    for (const reader = response.body.getReader(); ; ) {
      const { value, done: over } = await reader.read();
      if (over) break;
      parts.push(value);
      report((done += value.length));
    }
  } catch (error) {
    throw new Problem(`The connection was lost while ${what} was fetched (${firstLine(error)}). Try again.`);
  }
  return new Blob(parts).arrayBuffer();
}

async function matches(bytes, integrity) {
  if (!self.crypto.subtle) return true; // fetch has looked
  const digest = new Uint8Array(await self.crypto.subtle.digest("SHA-256", bytes));
  return `sha256-${btoa(String.fromCharCode(...digest))}` === integrity;
}

const addressOf = (url) => new URL(url, import.meta.url).href;

/** Nothing on pages that came over plain http, and where the visitor forbids it. */
async function openCache() {
  try {
    return await self.caches?.open(CACHE);
  } catch {
    return undefined;
  }
}

/** Models and engines of earlier editions of this site. */
async function forgetOthers(entries) {
  const cache = await openCache();
  const known = new Set(entries.map(({ url }) => addressOf(url)));
  for (const request of (await cache?.keys()) ?? []) if (!known.has(request.url)) await cache.delete(request);
}

const firstLine = (error) => `${error?.message ?? error}`.split("\n")[0];

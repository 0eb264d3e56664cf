// Pictures of any size through a network, tile by tile: in bounded memory, with progress, and without a seam.
//
// Every tile runs up to the first normalization, and the tiles' statistics together are the picture's; with these
// fixed, every tile runs up to the second; and so on: the arithmetic of one piece, in another order.

import { nameOf } from "./graph.mjs";

/** Tiles have at most this side, in pixels. One takes a second at most, after which the work can be stopped. */
const SIDE = 640;
/** Pixels around a tile that are computed with it; a part of the networks here sees at most half as far. */
const MARGIN = 32;
/** Tiles begin at multiples of this, so that every map has whole cells there. */
const GRID = 16;
/** Maps are kept for the next round where they take no more than this, in all or for each pixel. */
const KEPT_BYTES = 256e6;
const KEPT_BYTES_PER_PIXEL = 48;

/**
 * Paints a picture.
 *
 * @param {object} job What to do.
 * @param {import("./graph.mjs").Graph} job.graph The model's graph.
 * @param {(key: string, make: () => Uint8Array) => Promise<object>} job.open Returns the session of a part of it,
 *   by a name of the part and, for one that is new, its content.
 * @param {object} job.ort onnxruntime-web.
 * @param {{pixels: Uint8ClampedArray, width: number, height: number}} job.image RGBA bytes.
 * @param {Record<string, object>} job.inputs Tensors for the model's other inputs.
 * @param {(done: number) => Promise<void>} job.advance Awaited after each step with the share of the work that is
 *   done; what it throws ends the work.
 * @returns {Promise<Uint8ClampedArray>} RGBA bytes of the same size, opaque.
 */
export async function paintByTiles(job) {
  return new Pass(job).run();
}

class Pass {
  #job;
  #tiles;
  #statistics = new Map(); // name of an input -> its tensor
  #maps = new Map(); // tensor -> the map that is kept
  #steps = 0;

  constructor(job) {
    this.#job = job;
    const { width, height } = job.image;
    const [rows, columns] = [height, width].map(cutLength);
    this.#tiles = rows.flatMap(([top, bottom]) =>
      columns.map(([left, right]) => ({ core: { top, bottom, left, right }, window: this.#around(top, bottom, left, right) })),
    );
  }

  #around(top, bottom, left, right) {
    const { width, height } = this.#job.image;
    return {
      top: Math.max(0, top - MARGIN), bottom: Math.min(height, bottom + MARGIN),
      left: Math.max(0, left - MARGIN), right: Math.min(width, right + MARGIN),
    };
  }

  async run() {
    for (const cut of this.#job.graph.cuts) await this.#measure(cut);
    const { width, height } = this.#job.image;
    const result = new Uint8ClampedArray(width * height * 4);
    await this.#forEachTile(["stylized"], [], ({ core, window }, { stylized }) => {
      writePixels(result, width, stylized.data, core, window);
    });
    return result;
  }

  /** Measures the statistics of the maps at a cut, and keeps what later parts need where it is small enough. */
  async #measure({ tensor, live }) {
    const { graph, ort, image } = this.#job;
    const fresh = live.filter((name) => !this.#maps.has(name));
    const kept = new Map();
    const moments = new Moments();
    let keeps; // known with the first tile
    await this.#forEachTile([tensor], fresh, ({ core, window }, outputs) => {
      const features = outputs[tensor];
      moments.add(features, inner(features.dims, core, window, image));
      const halves = fresh.map((name) => [name, outputs[nameOf.stored(name)]]);
      keeps ??= this.#fits(halves.map(([, half]) => half), window);
      if (!keeps) return;
      for (const [name, half] of halves) {
        if (!kept.has(name)) kept.set(name, new KeptMap(half, window, image));
        kept.get(name).write(half, core, window);
      }
    });
    const { mean, inverse } = moments.result(graph.epsilonOf(tensor));
    const shape = [1, mean.length, 1, 1];
    this.#statistics.set(nameOf.mean(tensor), new ort.Tensor("float32", mean, shape));
    this.#statistics.set(nameOf.inverse(tensor), new ort.Tensor("float32", inverse, shape));
    if (!keeps) return;
    for (const name of this.#maps.keys()) if (!live.includes(name)) this.#maps.delete(name);
    for (const [name, map] of kept) this.#maps.set(name, map);
  }

  #fits(halves, window) {
    const { width, height } = this.#job.image;
    const pixels = width * height;
    const share = pixels / ((window.bottom - window.top) * (window.right - window.left));
    const bytes = halves.reduce((sum, { size }) => sum + 2 * size, 0) * share;
    return bytes <= Math.max(KEPT_BYTES, KEPT_BYTES_PER_PIXEL * pixels);
  }

  /** Computes tensors for one tile after another, from the maps that are kept and the picture. */
  async #forEachTile(targets, stored, use) {
    const { graph, ort, image, inputs, open, advance } = this.#job;
    const known = [...this.#maps.keys()];
    const key = [known, targets, stored].join(" from ");
    const session = await open(key, () => graph.part(new Set(known), targets, stored));
    const total = this.#tiles.length * (graph.cuts.length + 1);
    for (const tile of this.#tiles) {
      const given = { ...inputs, ...Object.fromEntries(this.#statistics) };
      if (session.inputNames.includes("image")) given.image = readPixels(ort, image, tile.window);
      for (const name of session.inputNames)
        given[name] ??= this.#maps.get(known.find((map) => nameOf.stored(map) === name)).read(ort, tile.window);
      const outputs = await session.run(Object.fromEntries(session.inputNames.map((name) => [name, given[name]])));
      use(tile, outputs);
      for (const output of Object.values(outputs)) output.dispose();
      this.#steps += 1;
      await advance(this.#steps / total);
    }
  }
}

/** Cuts a length into equal parts of at most about `SIDE`, at multiples of `GRID`: pairs of begin and end. */
function cutLength(length) {
  const parts = Math.ceil(length / SIDE);
  const ends = Array.from({ length: parts + 1 }, (_, number) =>
    number === parts ? length : Math.floor((number * length) / parts / GRID) * GRID,
  );
  return ends.slice(0, -1).map((begin, number) => [begin, ends[number + 1]]);
}

/** Returns the pixels of the picture for which a map has one cell, from a window's part of it. */
const stepOf = (columns, { left, right }) => 2 ** Math.max(0, Math.round(Math.log2((right - left) / columns)));

/** Returns the rows and columns of a window's part of a map that lie in the tile itself. */
function inner([, , rows, columns], core, window, { width, height }) {
  const step = stepOf(columns, window);
  return {
    top: (core.top - window.top) / step, left: (core.left - window.left) / step,
    // A map's last cells reach beyond the picture.
    bottom: core.bottom === height ? rows : (core.bottom - window.top) / step,
    right: core.right === width ? columns : (core.right - window.left) / step,
  };
}

/** A map `[C, H, W]` in half precision, put together from tiles. */
class KeptMap {
  #data;
  #channels;
  #step;
  #image;
  #rows = 0; // as far as it was written
  #columns = 0;
  #stride;
  #most;

  constructor({ dims: [, channels, , columns] }, window, image) {
    this.#image = image;
    this.#channels = channels;
    this.#step = stepOf(columns, window);
    const cells = (length) => (Math.ceil(length / GRID) * GRID) / this.#step;
    this.#most = cells(image.height);
    this.#stride = cells(image.width);
    this.#data = new Uint16Array(channels * this.#most * this.#stride);
  }

  write({ data, dims }, core, window) {
    const [, , rows, columns] = dims;
    const source = bits(data);
    const { top, left, bottom, right } = inner(dims, core, window, this.#image);
    const [down, across] = [window.top / this.#step, window.left / this.#step];
    for (let channel = 0; channel < this.#channels; channel++)
      for (let row = top; row < bottom; row++) {
        const from = (channel * rows + row) * columns;
        const to = (channel * this.#most + down + row) * this.#stride + across;
        this.#data.set(source.subarray(from + left, from + right), to + left);
      }
    this.#rows = Math.max(this.#rows, down + bottom);
    this.#columns = Math.max(this.#columns, across + right);
  }

  read(ort, window) {
    const [top, left] = [window.top / this.#step, window.left / this.#step];
    const bottom = window.bottom === this.#image.height ? this.#rows : window.bottom / this.#step;
    const right = window.right === this.#image.width ? this.#columns : window.right / this.#step;
    const [rows, columns] = [bottom - top, right - left];
    const part = new Uint16Array(this.#channels * rows * columns);
    for (let channel = 0, to = 0; channel < this.#channels; channel++)
      for (let row = top; row < bottom; row++, to += columns) {
        const from = (channel * this.#most + row) * this.#stride + left;
        part.set(this.#data.subarray(from, from + columns), to);
      }
    return new ort.Tensor("float16", part, [1, this.#channels, rows, columns]);
  }
}

/** Returns numbers of half precision as their bits: newer browsers have a type for them. */
const bits = (data) => (data instanceof Uint16Array ? data : new Uint16Array(data.buffer, data.byteOffset, data.length));

/** Means and variances of each channel, gathered tile by tile (Chan et al. 1979). */
class Moments {
  #count = 0;
  #mean;
  #squares; // sums of squared differences from the mean

  add({ data, dims: [, channels, rows, columns] }, { top, bottom, left, right }) {
    this.#mean ??= new Float64Array(channels);
    this.#squares ??= new Float64Array(channels);
    const count = (bottom - top) * (right - left);
    const total = this.#count + count;
    for (let channel = 0; channel < channels; channel++) {
      const begin = channel * rows * columns;
      const near = data[begin + top * columns + left]; // differences from it lose no digits
      let sum = 0;
      let squares = 0;
      for (let row = top; row < bottom; row++)
        for (let at = begin + row * columns + left, end = at + right - left; at < end; at++) {
          const difference = data[at] - near;
          sum += difference;
          squares += difference * difference;
        }
      const away = near + sum / count - this.#mean[channel];
      this.#squares[channel] += squares - (sum * sum) / count + (away * away * this.#count * count) / total;
      this.#mean[channel] += (away * count) / total;
    }
    this.#count = total;
  }

  result(epsilon) {
    return {
      mean: Float32Array.from(this.#mean),
      inverse: Float32Array.from(this.#squares, (sum) => 1 / Math.sqrt(Math.max(0, sum) / this.#count + epsilon)),
    };
  }
}

/** Returns a window of a picture as `[1, H, W, 3]`, without its alpha. */
function readPixels(ort, { pixels, width }, { top, bottom, left, right }) {
  const rgb = new Uint8Array((bottom - top) * (right - left) * 3);
  let to = 0;
  for (let row = top; row < bottom; row++)
    for (let from = 4 * (row * width + left), end = 4 * (row * width + right); from < end; from += 4) {
      rgb[to++] = pixels[from];
      rgb[to++] = pixels[from + 1];
      rgb[to++] = pixels[from + 2];
    }
  return new ort.Tensor("uint8", rgb, [1, bottom - top, right - left, 3]);
}

/** Writes a tile's pixels, from its window `[1, H, W, 3]`, into an opaque picture. */
function writePixels(result, width, rgb, core, window) {
  const columns = window.right - window.left;
  for (let row = core.top; row < core.bottom; row++) {
    let from = 3 * ((row - window.top) * columns + core.left - window.left);
    for (let to = 4 * (row * width + core.left), end = 4 * (row * width + core.right); to < end; to += 4) {
      result[to] = rgb[from++];
      result[to + 1] = rgb[from++];
      result[to + 2] = rgb[from++];
      result[to + 3] = 255;
    }
  }
}

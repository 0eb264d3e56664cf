// A model's graph: read from an ONNX file, and cut at its normalizations into parts that are ONNX files of their own.
//
// Instance normalization needs the mean and the variance of a whole map. Cut there, a picture of any size goes through
// the network tile by tile, each part with the statistics of the maps before it: see tiles.mjs.

/** Numbers of fields in ONNX's protocol buffers (onnx.proto3). */
const MODEL = { graph: 7, metadata: 14 };
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 };
const NODE = { input: 1, output: 2, operator: 4, attribute: 5 };
const TENSOR = { dims: 1, type: 2, name: 8, raw: 9 };
const VALUE = { name: 1, type: 2 };
/** Types of elements. */
const FLOAT = 1;
const INT64 = 7;
const HALF = 10;

/** Endings of the names of what a part takes and gives besides the graph's own tensors. */
const STORED = "/stored";
const MEAN = "/mean";
const INVERSE = "/inverse";

const text = new TextDecoder();

/** Names the inputs and outputs of parts that belong to a tensor. */
export const nameOf = {
  stored: (tensor) => `${tensor}${STORED}`,
  mean: (tensor) => `${tensor}${MEAN}`,
  inverse: (tensor) => `${tensor}${INVERSE}`,
};

/** The graph of a model, whose image input is called `image` and whose output is called `stylized`. */
export class Graph {
  /** The cuts, one at each normalization: its input `tensor`, `epsilon`, and the maps `live` that later nodes need. */
  cuts = [];
  #header = []; // the model's fields besides the graph
  #nodes = [];
  #initializers = new Map(); // name -> bytes
  #inputs = new Map();
  #outputs = new Map();
  #maker = new Map(); // tensor -> number of the node that makes it

  /** @param {Uint8Array} bytes The content of an ONNX file. */
  constructor(bytes) {
    for (const field of fieldsOf(bytes)) {
      if (field.number === MODEL.graph) this.#readGraph(field.value);
      else if (field.number !== MODEL.metadata) this.#header.push(field.whole);
    }
    this.#nodes.forEach(({ outputs }, number) => outputs.forEach((name) => this.#maker.set(name, number)));
    this.#findCuts();
  }

  #readGraph(bytes) {
    for (const { number, value, whole } of fieldsOf(bytes)) {
      if (number === GRAPH.node) this.#nodes.push(readNode(value, whole));
      else if (number === GRAPH.initializer) this.#initializers.set(textOf(value, TENSOR.name), whole);
      else if (number === GRAPH.input) this.#inputs.set(textOf(value, VALUE.name), whole);
      else if (number === GRAPH.output) this.#outputs.set(textOf(value, VALUE.name), whole);
    }
  }

  #findCuts() {
    const features = this.#findFeatures();
    const ready = new Set(); // numbers of the nodes before the cut
    const known = new Set();
    for (const { operator, inputs } of this.#nodes) {
      if (operator !== "InstanceNormalization") continue;
      const [tensor] = inputs;
      for (const number of this.#needed([tensor], known)) ready.add(number);
      const wanted = new Set(this.#nodes.flatMap((node, number) => (ready.has(number) ? [] : node.inputs)));
      const made = [...ready].flatMap((number) => this.#nodes[number].outputs);
      this.cuts.push({ tensor, live: made.filter((name) => features.has(name) && wanted.has(name)) });
    }
  }

  /** Returns the maps that are costly to compute: what a convolution makes of the picture, and all that follows. */
  #findFeatures() {
    const pixels = new Set(["image"]);
    const features = new Set();
    for (const { operator, inputs, outputs } of this.#nodes) {
      if (operator === "Shape") continue;
      if (!inputs.some((name) => pixels.has(name))) continue;
      const costly = operator === "Conv" || inputs.some((name) => features.has(name));
      for (const name of outputs) {
        pixels.add(name);
        if (costly) features.add(name);
      }
    }
    return features;
  }

  /** Returns the numbers of the nodes that make `targets` from `known` tensors, in their order. */
  #needed(targets, known) {
    const found = new Set();
    const open = [...targets];
    while (open.length) {
      const name = open.pop();
      const number = this.#maker.get(name);
      if (known.has(name) || number === undefined || found.has(number)) continue;
      found.add(number);
      open.push(...this.#nodes[number].inputs);
    }
    return [...found].sort((a, b) => a - b);
  }

  /**
   * Returns a part of the graph as an ONNX file.
   *
   * @param {Set<string>} known Maps that it takes, in half precision, by `nameOf.stored`.
   * @param {string[]} targets Tensors that it gives.
   * @param {string[]} stored Maps that it also gives in half precision, by `nameOf.stored`.
   * @returns {Uint8Array} Its normalizations take the statistics of their input, by `nameOf.mean` and `nameOf.inverse`
   *   (of the standard deviation), each `[1, C, 1, 1]`.
   */
  part(known, targets, stored) {
    const numbers = this.#needed([...targets, ...stored], known);
    const nodes = numbers.map((number) => this.#nodes[number]);
    const used = new Set([...targets, ...stored, ...nodes.flatMap(({ inputs }) => inputs)]);
    const taken = [...known].filter((name) => used.has(name));
    const norms = nodes.filter(({ operator }) => operator === "InstanceNormalization");
    const fields = [
      writeField(GRAPH.name, "part"),
      ...taken.map((name) => cast(nameOf.stored(name), name, FLOAT)),
      ...nodes.flatMap((node) => (node.operator === "InstanceNormalization" ? normalizeByGiven(node) : [node.whole])),
      ...stored.map((name) => cast(name, nameOf.stored(name), HALF)),
      ...[...this.#initializers].filter(([name]) => used.has(name)).map(([, whole]) => whole),
      ...(norms.length ? [AXES] : []),
      ...[...this.#inputs].filter(([name]) => used.has(name)).map(([, whole]) => whole),
      ...taken.map((name) => valueInfo(GRAPH.input, nameOf.stored(name), HALF)),
      ...norms.flatMap(({ inputs: [name] }) =>
        [nameOf.mean, nameOf.inverse].map((given) => valueInfo(GRAPH.input, given(name), FLOAT)),
      ),
      ...targets.map((name) => this.#outputs.get(name) ?? valueInfo(GRAPH.output, name, FLOAT)),
      ...stored.map((name) => valueInfo(GRAPH.output, nameOf.stored(name), HALF)),
    ];
    return join([...this.#header, writeField(MODEL.graph, join(fields))]);
  }

  /** Returns the small constant that a normalization adds to the variance. */
  epsilonOf(tensor) {
    return this.#nodes.find(({ operator, inputs }) => operator === "InstanceNormalization" && inputs[0] === tensor).epsilon;
  }
}

// ---------------------------------------------------------------- reading

/** Yields the fields of a message: their number, their value (bytes, or a number), and the whole field. */
function* fieldsOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const begin = at;
    const read = () => {
      let result = 0;
      for (let factor = 1; ; factor *= 128) {
        const byte = bytes[at++];
        result += (byte & 127) * factor;
        if (byte < 128) return result;
      }
    };
    const tag = read();
    const kind = tag & 7;
    let content;
    if (kind === 0) content = read();
    else if (kind === 2) {
      const length = read();
      content = bytes.subarray(at, (at += length));
    } else if (kind === 5) {
      content = view.getFloat32(at, true);
      at += 4;
    } else if (kind === 1) at += 8;
    else throw new Error("the file of the model is damaged");
    yield { number: tag >>> 3, value: content, whole: bytes.subarray(begin, at) };
  }
}

const textOf = (bytes, wanted) => {
  for (const { number, value: content } of fieldsOf(bytes)) if (number === wanted) return text.decode(content);
  return "";
};

function readNode(bytes, whole) {
  const node = { inputs: [], outputs: [], operator: "", whole, epsilon: 1e-5 };
  for (const { number, value: content } of fieldsOf(bytes)) {
    if (number === NODE.input) node.inputs.push(text.decode(content));
    else if (number === NODE.output) node.outputs.push(text.decode(content));
    else if (number === NODE.operator) node.operator = text.decode(content);
    else if (number === NODE.attribute && textOf(content, 1) === "epsilon")
      for (const part of fieldsOf(content)) if (part.number === 2) node.epsilon = part.value;
  }
  return node;
}

// ---------------------------------------------------------------- writing

function varint(number) {
  const bytes = [];
  for (; number >= 128; number = Math.floor(number / 128)) bytes.push((number % 128) | 128);
  return Uint8Array.of(...bytes, number);
}

function join(parts) {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/** Writes a field that holds text, bytes or a number. */
function writeField(number, content) {
  if (typeof content === "number") return join([varint(number * 8), varint(content)]);
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return join([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

const nodeField = (operator, inputs, output, attributes = []) =>
  writeField(
    GRAPH.node,
    join([
      ...inputs.map((name) => writeField(NODE.input, name)),
      writeField(NODE.output, output),
      writeField(NODE.operator, operator),
      ...attributes.map((bytes) => writeField(NODE.attribute, bytes)),
    ]),
  );

/** An integer attribute: its name, its value, and its type, which is 2. */
const cast = (from, to, type) => nodeField("Cast", [from], to, [join([writeField(1, "to"), writeField(3, type), writeField(20, 2)])]);

const valueInfo = (role, name, type) =>
  writeField(role, join([writeField(VALUE.name, name), writeField(VALUE.type, writeField(1, writeField(1, type)))]));

const AXES_NAME = "rows and columns";
const AXES = writeField(
  GRAPH.initializer,
  join([
    writeField(TENSOR.dims, 2),
    writeField(TENSOR.type, INT64),
    writeField(TENSOR.name, AXES_NAME),
    writeField(TENSOR.raw, new Uint8Array(BigInt64Array.of(1n, 2n).buffer)),
  ]),
);

/** Writes a normalization by given statistics: (x − mean) · inverse · scale + shift, as x · a + b. */
function normalizeByGiven({ inputs: [x, scale, shift], outputs: [y] }) {
  const name = (what) => `${x}/${what}`;
  return [
    nodeField("Unsqueeze", [scale, AXES_NAME], name("scale")),
    nodeField("Unsqueeze", [shift, AXES_NAME], name("shift")),
    nodeField("Mul", [nameOf.inverse(x), name("scale")], name("a")),
    nodeField("Mul", [nameOf.mean(x), name("a")], name("offset")),
    nodeField("Sub", [name("shift"), name("offset")], name("b")),
    nodeField("Mul", [x, name("a")], name("scaled")),
    nodeField("Add", [name("scaled"), name("b")], y),
  ];
}

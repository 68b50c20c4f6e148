var __create = Object.create;
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __getProtoOf = Object.getPrototypeOf;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from === "object" || typeof from === "function") {
    for (let key of __getOwnPropNames(from))
      if (!__hasOwnProp.call(to, key) && key !== except)
        __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  }
  return to;
};
var __toESM = (mod, isNodeMode, target) => (target = mod != null ? __create(__getProtoOf(mod)) : {}, __copyProps(
  // If the importer is in node compatibility mode or this is not an ESM
  // file that has been converted to a CommonJS file using a Babel-
  // compatible transform (i.e. "__esModule" has not been set), then set
  // "default" to the CommonJS "module.exports" for node compatibility.
  isNodeMode || !mod || !mod.__esModule ? __defProp(target, "default", { value: mod, enumerable: true }) : target,
  mod
));

// race.ts
var import_tfjs_backend_wasm = require("@tensorflow/tfjs-backend-wasm");
var import_tfjs_converter = require("@tensorflow/tfjs-converter");
var tf = __toESM(require("@tensorflow/tfjs-core"));

// ../../wt/tfjs/src/verify/tfjs-files.ts
var import_node_fs = require("node:fs");
var import_node_path = require("node:path");

// ../../wt/tfjs/src/diagnostics/compile-error.ts
var CompileError = class extends Error {
  name = "CompileError";
  diagnostic;
  constructor(diagnostic, options) {
    super(diagnostic.message, options);
    this.diagnostic = diagnostic;
  }
  get code() {
    return this.diagnostic.code;
  }
};

// ../../wt/tfjs/src/diagnostics/catalogue.ts
var inFile = (file, offset) => ({ file, ...offset !== void 0 && { offset } });
var notTfjs = (file, what) => new CompileError({
  code: "TFJS_NOT_A_MODEL",
  message: `not a TensorFlow.js graph model: the file ${what}`,
  at: inFile(file),
  hint: "give the directory that `convert --to tfjs` wrote, or its model.json"
});
var shardMissing = (file, name, reason) => new CompileError({
  code: "TFJS_SHARD_MISSING",
  message: `weights of the TensorFlow.js model cannot be read: ${reason}`,
  at: inFile(file),
  hint: `model.json names '${name}', which must lie beside it; copy the whole directory`
});
var shardLength = (file, paths, held, wanted) => new CompileError({
  code: "TFJS_SHARD_LENGTH",
  message: `the shards hold ${held} bytes, the weights that model.json lists need ${wanted}`,
  at: inFile(file),
  hint: "a shard is cut short or belongs to another model; copy or convert it again",
  notes: [`the shards are ${paths.join(", ")}`]
});

// ../../wt/tfjs/src/verify/tfjs-files.ts
function tfjsModelPath(path) {
  const stat = (0, import_node_fs.statSync)(path, { throwIfNoEntry: false });
  if (!stat) return void 0;
  if (stat.isDirectory()) return (0, import_node_path.join)(path, "model.json");
  return /\.json$/i.test(path) ? path : void 0;
}
function readModelJson(path) {
  const file = tfjsModelPath(path) ?? path;
  let text;
  try {
    text = (0, import_node_fs.readFileSync)(file, "utf8");
  } catch (error) {
    throw notTfjs(file, `cannot be read (${error instanceof Error ? error.message : error})`);
  }
  let json;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw notTfjs(file, `is no JSON (${error instanceof Error ? error.message : error})`);
  }
  if (!isRecord(json)) throw notTfjs(file, "is no JSON object");
  if (json.format === "layers-model" || isRecord(json.modelTopology && isRecord(json.modelTopology) ? json.modelTopology.model_config : void 0))
    throw notTfjs(file, "is a layers model, not a graph model");
  if (!isRecord(json.modelTopology) || !Array.isArray(json.modelTopology.node)) throw notTfjs(file, "has no modelTopology with nodes");
  if (!Array.isArray(json.weightsManifest)) throw notTfjs(file, "has no weightsManifest");
  return json;
}
function readTfjsFiles(path) {
  const json = readModelJson(path);
  const file = tfjsModelPath(path) ?? path;
  const shards = [];
  const weightSpecs = [];
  for (const { paths, weights } of json.weightsManifest) {
    let [held, wanted] = [0, 0];
    for (const name of paths) {
      const shard = readShard(shardPath(file, name), name);
      held += shard.byteLength;
      shards.push(shard);
    }
    for (const weight of weights) {
      const bytes = storedBytes(weight);
      if (bytes === void 0) throw notTfjs(file, `weight '${weight.name}' is of type ${weight.dtype}, which is not read here`);
      wanted += bytes;
      weightSpecs.push(weight);
    }
    if (held !== wanted) throw shardLength(file, paths, held, wanted);
  }
  return { json, weightSpecs, shards, about: aboutOf(json) };
}
function shardPath(modelJson, name) {
  if (/^([a-z]+:|[/\\])/i.test(name) || (0, import_node_path.normalize)(name).startsWith(".."))
    throw notTfjs(modelJson, `refers to '${name}', outside of its directory`);
  return (0, import_node_path.join)((0, import_node_path.dirname)(modelJson), name);
}
function aboutOf({ userDefinedMetadata }) {
  const about = isRecord(userDefinedMetadata) ? userDefinedMetadata.convolutionize : void 0;
  return isRecord(about) ? about : {};
}
function storedBytes({ dtype, shape, quantization }) {
  const size = ELEMENT_BYTES[quantization?.dtype ?? dtype];
  return size === void 0 ? void 0 : size * shape.reduce((product, dim) => product * dim, 1);
}
var ELEMENT_BYTES = { float32: 4, int32: 4, bool: 1, complex64: 8, uint8: 1, uint16: 2, float16: 2 };
function readShard(path, name) {
  try {
    const bytes = (0, import_node_fs.readFileSync)(path);
    const { buffer, byteOffset, byteLength } = bytes;
    return buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength ? buffer : new Uint8Array(bytes).buffer;
  } catch (error) {
    throw shardMissing(path, name, error instanceof Error ? error.message : String(error));
  }
}
var isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

// ../../wt/tfjs/src/verify/inputs.ts
var INPUT_KINDS = ["normal", "smooth", "uniform", "negative", "sparse", "strokes", "large"];
function seededRandom(seed) {
  let s = [seed, seed ^ 2654435769, seed ^ 608135816, seed ^ 3084996962].map(
    (word) => Math.imul(word ^ word >>> 16, 73244475) >>> 0 || 1
  );
  const next = () => {
    const [a = 0, b = 0, c = 0, d = 0] = s;
    const scrambled = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    const [x, y] = [c ^ a, d ^ b];
    s = [(a ^ y) >>> 0, (b ^ x) >>> 0, (x ^ t) >>> 0, rotate(y, 11)];
    return scrambled / 2 ** 32;
  };
  for (let warm = 0; warm < 16; warm++) next();
  return next;
}
var rotate = (word, by) => (word << by | word >>> 32 - by) >>> 0;
function makeInput(kind, seed, dtype, shape, axes = [2, 3]) {
  const random = seededRandom(seed * 7919 + INPUT_KINDS.indexOf(kind));
  const count = shape.reduce((product, dim) => product * dim, 1);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const data = new Float32Array(count);
  switch (kind) {
    case "normal":
      data.forEach((_, at) => {
        data[at] = normal();
      });
      break;
    case "uniform":
      data.forEach((_, at) => {
        data[at] = random();
      });
      break;
    case "negative":
      data.forEach((_, at) => {
        data[at] = -Math.abs(normal()) - 0.1;
      });
      break;
    case "large":
      data.forEach((_, at) => {
        data[at] = 8 * normal();
      });
      break;
    case "sparse":
      data.forEach((_, at) => {
        data[at] = random() < 0.05 ? 4 * normal() : 0;
      });
      break;
    case "strokes":
      strokes(data, shape, axes, random);
      break;
    case "smooth":
      smooth(data, shape, axes, random);
      break;
  }
  if (dtype === "bool") return { dtype, shape, data: data.map((number) => number > 0 ? 1 : 0) };
  if (/int/.test(dtype))
    return {
      dtype,
      shape: [...shape],
      data: data.map((number) => Math.round(Math.min(Math.max(number * 64 + 128, 0), dtype === "int8" ? 127 : 255)))
    };
  return { dtype, shape: [...shape], data };
}
function smooth(data, shape, [rows, columns], random) {
  const waves = Array.from({ length: 6 }, () => ({
    y: (random() - 0.5) * 0.5,
    x: (random() - 0.5) * 0.5,
    phase: random() * 6.28,
    size: random()
  }));
  const edge = random() * (shape[columns] ?? 1);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, dim) => product * dim, 1));
  for (let at = 0; at < data.length; at++) {
    const y = Math.floor(at / (strides[rows] ?? 1)) % (shape[rows] ?? 1);
    const x = Math.floor(at / (strides[columns] ?? 1)) % (shape[columns] ?? 1);
    const other = at - y * (strides[rows] ?? 1) - x * (strides[columns] ?? 1);
    let value = x > edge ? 0.7 : -0.4;
    for (const wave of waves) value += wave.size * Math.sin(wave.y * y + wave.x * x + wave.phase + other % 97);
    data[at] = value + 0.05 * (random() - 0.5);
  }
}
function strokes(data, shape, [rows, columns], random) {
  const [height, width] = [shape[rows] ?? 1, shape[columns] ?? 1];
  const lines = Array.from({ length: 2 + Math.floor(random() * 4) }, () => ({
    from: [random() * height, random() * width],
    to: [random() * height, random() * width],
    thick: (0.03 + 0.05 * random()) * Math.min(height, width) + 0.5
  }));
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, dim) => product * dim, 1));
  for (let at = 0; at < data.length; at++) {
    const y = Math.floor(at / (strides[rows] ?? 1)) % height;
    const x = Math.floor(at / (strides[columns] ?? 1)) % width;
    for (const { from, to, thick } of lines) {
      const [dy, dx] = [to[0] - from[0], to[1] - from[1]];
      const along = Math.min(1, Math.max(0, ((y - from[0]) * dy + (x - from[1]) * dx) / (dy * dy + dx * dx + 1e-9)));
      const apart = Math.hypot(y - from[0] - along * dy, x - from[1] - along * dx);
      data[at] = Math.max(data[at] ?? 0, Math.min(1, Math.max(0, 1.5 - apart / thick)));
    }
  }
}

// race.ts
async function main() {
  await tf.setBackend("wasm");
  const dirs = process.argv.slice(3);
  const runs = Number(process.argv[2]);
  const image = Float32Array.from(makeInput("normal", 1, "float", [1, 224, 224, 3]).data);
  const graphs = [];
  for (const d of dirs) {
    const f = readTfjsFiles(d);
    graphs.push(await (0, import_tfjs_converter.loadGraphModel)({ load: async () => ({ modelTopology: f.json.modelTopology, weightSpecs: [...f.weightSpecs], weightData: [...f.shards], signature: f.json.signature }) }));
  }
  const run = (g) => tf.tidy(() => {
    const r = g.execute({ [g.inputNodes[0]]: tf.tensor(image, [1, 224, 224, 3]) }, g.outputNodes);
    return [r].flat()[0].dataSync();
  });
  const t = dirs.map(() => []);
  for (let w = 0; w < 2; w++) graphs.forEach(run);
  for (let i = 0; i < runs; i++) for (const at of Math.random() < 0.5 ? dirs.keys() : [...dirs.keys()].reverse()) {
    const s = performance.now();
    run(graphs[at]);
    t[at].push(performance.now() - s);
  }
  const med = (a) => [...a].sort((x, y) => x - y)[a.length >> 1];
  dirs.forEach((d, at) => console.log(d, "median", med(t[at]).toFixed(1), "min", Math.min(...t[at]).toFixed(1)));
}
void main();

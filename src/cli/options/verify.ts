/** Options of `verify`. */
import { tfjsBackend } from '../tfjs-options';
import type { CommandSpec, OptionTable } from './option';
import { inputSize, symlinks, tolerance } from './shared';

const comparison = {
  ...tolerance,
  'min-agreement': {
    type: 'string',
    requiresArg: true,
    value: 'SHARE',
    describe: 'Close enough: the same best class on at least this share of the inputs (0.99, or 99%), instead of the measured tolerance',
  },
  cosine: {
    type: 'string',
    requiresArg: true,
    value: 'X',
    describe: 'Close enough: a cosine of at least this between the outputs on each input (0.999), instead of the measured tolerance',
  },
  exact: {
    type: 'boolean',
    default: false,
    describe: 'Replace weights and inputs with small integers and require bit-exact results; -n sets the number of rounds',
  },
  relation: {
    choices: ['same', 'cell', 'mean', 'subsample', 'transposed'] as const,
    describe: 'How the outputs of the two models relate, if their shapes do not tell',
  },
  map: {
    type: 'string',
    array: true,
    requiresArg: true,
    value: 'A=B',
    describe: 'The input or output A of ORIGINAL is called B in CONVERTED; repeatable',
  },
  ...tfjsBackend,
} as const satisfies OptionTable;

const inputs = {
  inputs: {
    type: 'string',
    array: true,
    requiresArg: true,
    value: '[NAME=]PATH',
    completes: 'file',
    describe: 'Compare on these instead of random inputs: .npy, .npz, TensorProto .pb, pictures, or a folder; repeatable',
  },
  preset: {
    type: 'string',
    requiresArg: true,
    value: 'NAME',
    describe:
      "How the pixels of pictures become numbers: a preset, a model of torchvision or timm, or a file (see 'predict --help'; default: what the models state, else the usual)",
  },
  ...inputSize,
  'save-inputs': {
    type: 'string',
    requiresArg: true,
    value: 'FOLDER',
    completes: 'folder',
    describe: 'Write the inputs to this folder, as ONNX test data',
  },
  ...symlinks,
} as const satisfies OptionTable;

const lists = {
  suite: {
    type: 'string',
    requiresArg: true,
    value: 'FILE',
    completes: 'file',
    describe: 'Verify all pairs listed in this YAML file (docs/ci.md)',
  },
  shard: { type: 'string', requiresArg: true, value: 'I/N', describe: 'Run part I of N: of the pairs of --suite, else of the inputs' },
  merge: {
    type: 'string',
    array: true,
    requiresArg: true,
    value: 'FILES',
    completes: 'file',
    describe: 'Join the JSON reports of all parts and give the verdict on the whole',
  },
  certificate: {
    type: 'string',
    requiresArg: true,
    value: 'FILE',
    completes: 'file',
    describe: "Check the record of 'convert --certificate' against the files, without running them",
  },
} as const satisfies OptionTable;

const reports = {
  reporter: {
    type: 'string',
    array: true,
    requiresArg: true,
    value: 'NAME[=FILE]',
    describe: 'Format of the report: text, json, junit, markdown or github, optionally to a file (junit=report.xml); repeatable',
  },
  'output-file': {
    type: 'string',
    requiresArg: true,
    value: 'FILE',
    completes: 'file',
    describe: 'File of the only reporter; with several, --output-file.junit FILE',
  },
  'output-file.text': { type: 'string', requiresArg: true, hidden: true },
  'output-file.json': { type: 'string', requiresArg: true, hidden: true },
  'output-file.junit': { type: 'string', requiresArg: true, hidden: true },
  'output-file.markdown': { type: 'string', requiresArg: true, hidden: true },
  'output-file.github': { type: 'string', requiresArg: true, hidden: true },
  force: { alias: 'f', type: 'boolean', default: false, describe: 'Replace files that exist; earlier reports are always replaced' },
} as const satisfies OptionTable;

export const verifyOptions = { ...comparison, ...inputs, ...lists, ...reports };

export const verifySpec: CommandSpec = {
  name: 'verify',
  summary: 'Run two models and compare their outputs',
  arguments: [
    { name: 'ORIGINAL', describe: 'The reference ONNX model' },
    { name: 'CONVERTED', describe: 'The model to check against it: ONNX, or a TensorFlow.js model (its folder or model.json)' },
  ],
  groups: [
    { title: 'Verification', options: comparison },
    { title: 'Inputs', options: inputs },
    { title: 'Suites, parts and certificates', options: lists },
    { title: 'Reports', options: reports },
  ],
  examples: [
    ['verify alexnet.onnx alexnet-fcn.onnx', 'Exit code 0: equivalent; 1: not'],
    ['verify alexnet.onnx web_model/', 'The same for a TensorFlow.js model'],
    ['verify resnet.onnx resnet-fp16.onnx -n 50', "Any pair: another tool's output, a copy in half precision"],
    ['verify net.onnx net-int8.onnx --inputs photos/ --min-agreement 0.99', 'A quantised copy: the same class on 99 % of your pictures'],
    ['verify a.onnx b.onnx --map input=images --inputs photos/', 'Different names, and inputs of your own'],
    ['verify --suite pairs.yaml --reporter junit=report.xml', 'Many pairs, with a report for CI (docs/ci.md)'],
    ['verify alexnet.onnx alexnet-fcn.onnx --exact', 'On integers, bit by bit'],
    ['verify --certificate alexnet.json', 'Check that these files and weights are the certified ones'],
  ],
};

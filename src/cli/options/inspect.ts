/** Options of `inspect`. */
import type { CommandSpec, OptionTable } from './option';
import { inputSize, symlinks } from './shared';

const output = {
  output: { alias: 'o', type: 'string', requiresArg: true, value: 'FILE', completes: 'file', describe: 'File to write (default: print)' },
  format: {
    choices: ['summary', 'json', 'text', 'dot', 'svg', 'html', 'png'] as const,
    describe:
      'summary: layers in PyTorch notation; json: the same as data; text: ONNX text, which can be read back; dot, svg, html, png: a picture of the graph (default: by the ending of FILE, else summary)',
  },
  force: { alias: 'f', type: 'boolean', default: false, describe: 'Replace FILE if it exists' },
} as const satisfies OptionTable;

const looking = {
  diff: { type: 'boolean', default: false, describe: 'Compare MODEL with OTHER, node by node, as summary, json, html, svg or dot' },
  for: {
    choices: ['webnn', 'coreml', 'qnn', 'tflite', 'opencv-dnn'] as const,
    describe: "List the nodes that this runtime's documented operators lack, and what would help (docs/runtimes.md)",
  },
  depth: {
    type: 'string',
    requiresArg: true,
    value: 'N',
    describe: 'Levels of groups that a picture opens: a number, all, or auto (as many as fit)',
  },
  landscape: { type: 'boolean', default: false, describe: 'Draw pictures from left to right, for slides' },
  'side-by-side': { type: 'boolean', default: false, describe: 'With --diff, in html, svg, png or dot: both models, before and after' },
  weights: {
    choices: ['reference', 'inline', 'none'] as const,
    default: 'reference' as const,
    describe: 'Large weights in text: as a reference into MODEL, as numbers, or left out',
  },
  ...inputSize,
  ...symlinks,
} as const satisfies OptionTable;

export const inspectOptions = { ...output, ...looking };

export const inspectSpec: CommandSpec = {
  name: 'inspect',
  summary: 'List the layers of a model, draw it, print it as text, or compare two models',
  arguments: [
    { name: 'MODEL', required: true, describe: 'ONNX file, ONNX text (.onnxtxt), or the folder of a TensorFlow.js model' },
    { name: 'OTHER', describe: 'With --diff: the model that MODEL became' },
  ],
  groups: [
    { title: 'Output', options: output },
    { title: 'Looking inside', options: looking },
  ],
  examples: [
    ['inspect alexnet.onnx', 'Layers in PyTorch notation'],
    ['inspect alexnet-fcn.onnx --input-size 512x512', 'Shapes and multiply-adds for a larger image'],
    ['inspect alexnet.onnx -o alexnet.html', 'The graph as a page: groups fold, names can be searched'],
    ['inspect alexnet.onnx -o alexnet.onnxtxt', 'The graph as text; every command reads it back'],
    ['inspect alexnet-fcn.onnx --for webnn', 'Which nodes WebNN lacks, and which pass or option helps'],
    ['inspect --diff alexnet.onnx alexnet-fcn.onnx', 'What a conversion changed, node by node'],
    ['inspect --diff alexnet.onnx alexnet-fcn.onnx --side-by-side -o diff.html', 'Both graphs, side by side'],
  ],
};

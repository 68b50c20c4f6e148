/** Options that several commands share. */
import type { OptionTable } from './option';

/** Global options. */
export const globalOptions = {
  config: {
    type: 'string',
    requiresArg: true,
    value: 'FILE',
    completes: 'file',
    describe: 'Read further options from this YAML file (docs/config.md); the command line wins',
  },
  json: { type: 'boolean', default: false, describe: 'Print the result as JSON' },
  quiet: { alias: 'q', type: 'boolean', default: false, describe: 'Print only errors' },
  debug: { type: 'boolean', default: false, describe: 'Print a stack trace with an error' },
  'no-color': { type: 'boolean', default: false, describe: 'Print without color, as with the variable NO_COLOR' },
} as const satisfies OptionTable;

export const inputSize = {
  'input-size': {
    type: 'string',
    array: true,
    requiresArg: true,
    value: 'SIZE',
    describe: 'Image size that the network was trained at, if the file does not fix it: 224x224, or name:1,3,224,224',
  },
} as const satisfies OptionTable;

export const outputsOption = {
  outputs: { type: 'string', array: true, requiresArg: true, value: 'NAMES', describe: 'Keep only these outputs, separated by commas' },
} as const satisfies OptionTable;

export const runtimeOption = {
  runtime: {
    choices: ['auto', 'native', 'wasm'] as const,
    default: 'auto' as const,
    describe: 'ONNX Runtime to use: native is faster and needs onnxruntime-node; wasm is built in; auto is native if installed',
  },
} as const satisfies OptionTable;

export const tolerance = {
  rtol: {
    type: 'string',
    array: true,
    requiresArg: true,
    value: 'X',
    describe: 'Allowed difference relative to the largest number (1e-4, or output:1e-4), instead of the measured tolerance',
  },
  atol: {
    type: 'string',
    array: true,
    requiresArg: true,
    value: 'X',
    describe: 'Allowed absolute difference (1e-4, or output:1e-4), instead of the measured tolerance',
  },
  samples: { alias: 'n', type: 'string', requiresArg: true, value: 'N', describe: 'Number of random inputs to compare on' },
  seed: { type: 'string', requiresArg: true, value: 'N', describe: 'Seed of the random inputs' },
  'verify-budget': {
    type: 'string',
    requiresArg: true,
    value: 'TIME',
    describe: 'Time for further comparisons, beyond those that the verdict needs: 30s (default), 5m',
  },
  ...runtimeOption,
} as const satisfies OptionTable;

export const symlinks = {
  'allow-symlinks': { type: 'boolean', default: false, describe: 'Follow symbolic links to external data, as in a Hugging Face cache' },
} as const satisfies OptionTable;

/** Options that select which rewrites run. */
export const passOptions = {
  optimise: {
    alias: 'O',
    choices: ['0', '1', '2'] as const,
    default: '2' as const,
    describe:
      '0: only what the conversion needs; 1: also merge pads, averages and equal constants; 2: also fold norms and merge neighbouring and parallel layers',
  },
  passes: {
    alias: 'p',
    type: 'string',
    array: true,
    requiresArg: true,
    value: 'NAMES',
    describe: "Run only these passes (see 'convolutionize passes')",
  },
  skip: { type: 'string', array: true, requiresArg: true, value: 'NAMES', describe: 'Run all passes but these' },
  plugin: {
    type: 'string',
    array: true,
    requiresArg: true,
    value: 'MODULE',
    completes: 'file',
    describe: 'Also run the passes of this module (docs/writing-a-pass.md)',
  },
} as const satisfies OptionTable;

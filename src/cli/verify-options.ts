/** Options of `verify` alone. */
import type { Options } from 'yargs';

export const comparisonOptions = {
  inputs: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Inputs from files instead: .npy, .npz, TensorProto .pb, pictures, or a folder; [name=]path',
  },
  exact: {
    type: 'boolean',
    default: false,
    describe: 'Put integers for weights and inputs, and compare every bit; -n: rounds',
  },
  'save-inputs': { type: 'string', requiresArg: true, describe: 'Write the inputs to this folder, as ONNX test data' },
  map: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'An input or output of ORIGINAL and what CONVERTED calls it: a=b',
  },
  relation: {
    choices: ['same', 'cell', 'mean', 'subsample', 'transposed'] as const,
    describe: 'How the outputs of CONVERTED relate to those of ORIGINAL, where their shapes do not say',
  },
  certificate: {
    type: 'string',
    requiresArg: true,
    describe: 'Hold the record of convert --certificate against the files, without running them',
  },
  suite: { type: 'string', requiresArg: true, describe: 'Verify all pairs of a list in YAML (docs/ci.md)' },
  shard: { type: 'string', requiresArg: true, describe: 'Part i of n: of the pairs of --suite, else of the inputs: i/n' },
  merge: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Join the JSON reports of all parts, and answer for the whole: a.json b.json',
  },
  reporter: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'text, json, junit, markdown or github; repeatable, each perhaps with a file: junit=report.xml',
  },
  force: {
    alias: 'f',
    type: 'boolean',
    default: false,
    describe: 'Replace files that exist; reports of an earlier run are replaced without',
  },
  'output-file': { type: 'string', requiresArg: true, describe: 'File of the only reporter; of one of several: --output-file.junit FILE' },
  'output-file.text': { type: 'string', requiresArg: true, hidden: true },
  'output-file.json': { type: 'string', requiresArg: true, hidden: true },
  'output-file.junit': { type: 'string', requiresArg: true, hidden: true },
  'output-file.markdown': { type: 'string', requiresArg: true, hidden: true },
  'output-file.github': { type: 'string', requiresArg: true, hidden: true },
} as const satisfies Record<string, Options>;

/** `convert --to tfjs`: interprets its options. */
import type { ArgumentsCamelCase, InferredOptionTypes } from 'yargs';
import { badOption, usage } from '../diagnostics/catalogue';
import type { WriteTfjsOptions } from '../files/tfjs-files';
import type { Quantisation } from '../tfjs/quantize';
import type { OptionTable } from './options/option';

const quantised = (type: string, note: string) =>
  ({
    type: 'string',
    value: '[=NAMES]',
    describe: `Store weights as ${type}, ${note}; all, or those whose names match: '*/conv*,fc.weight'`,
  }) as const;

export const tfjsBackend = {
  'tfjs-backend': {
    choices: ['wasm', 'node'] as const,
    describe: 'What runs a TensorFlow.js model: WebAssembly (wasm, default), or @tensorflow/tfjs-node if installed',
  },
} as const satisfies OptionTable;

export const tfjsOptions = {
  'input-layout': {
    choices: ['nhwc', 'nchw'] as const,
    describe: 'Layout of input images: as in TensorFlow.js (nhwc, default), or as in ONNX, at the cost of a transposition',
  },
  'no-fuse': { type: 'boolean', default: false, describe: 'Write biases and activations as nodes of their own' },
  'quantize-float16': quantised('float16', 'half the download'),
  'quantize-uint16': quantised('uint16', 'half the download'),
  'quantize-uint8': quantised('uint8', 'a quarter of the download'),
  'weight-shard-size-bytes': {
    type: 'string',
    requiresArg: true,
    value: 'BYTES',
    describe: 'Largest size of a weight file (default: 4194304, which browsers cache)',
  },
  'signature-name': { type: 'string', requiresArg: true, value: 'NAME', describe: 'Name of the signature' },
  ...tfjsBackend,
} as const satisfies OptionTable;

export type TfjsArgs = ArgumentsCamelCase<InferredOptionTypes<typeof tfjsOptions>> & { readonly to: 'onnx' | 'tfjs' };

/** The options that reduce precision may be given without a value; they then apply to all weights. */
export const withDefaults = (args: readonly string[]): string[] =>
  args.map((arg) => (/^--quantize-(float16|uint16|uint8)$/.test(arg) ? `${arg}=*` : arg));

/** The TensorFlow.js settings; undefined if the target is ONNX. Throws CompileError USAGE if options conflict. */
export function tfjsTarget(
  args: TfjsArgs & {
    readonly externalData: boolean;
    readonly weights: string;
    readonly force: boolean;
  },
): WriteTfjsOptions | undefined {
  const given = [
    ['input-layout', args.inputLayout],
    ['no-fuse', args.noFuse || undefined],
    ['weight-shard-size-bytes', args.weightShardSizeBytes],
    ['quantize-float16', args.quantizeFloat16],
    ['quantize-uint16', args.quantizeUint16],
    ['quantize-uint8', args.quantizeUint8],
    ['signature-name', args.signatureName],
    ['tfjs-backend', args.tfjsBackend],
  ].flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (args.to === 'onnx') {
    if (given.length > 0) throw usage(`--${given[0]} is for --to tfjs`, 'convert');
    return undefined;
  }
  if (args.externalData || args.weights === 'reference')
    throw usage(`--${args.externalData ? 'external-data' : 'weights'} is for ONNX, not for --to tfjs`, 'convert');
  const quantisation = quantisationOf(args);
  const shardSize = args.weightShardSizeBytes === undefined ? undefined : bytesOf(args.weightShardSizeBytes);
  return {
    inputLayout: args.inputLayout ?? 'nhwc',
    fuse: !args.noFuse,
    force: args.force,
    shardSize,
    quantisation,
    signatureName: args.signatureName,
  };
}

function quantisationOf(args: TfjsArgs): Quantisation | undefined {
  const given = { float16: args.quantizeFloat16, uint16: args.quantizeUint16, uint8: args.quantizeUint8 };
  const entries = Object.entries(given).flatMap(([type, text]): [string, readonly string[]][] =>
    text === undefined
      ? []
      : [
          [
            type,
            text
              .split(',')
              .map((pattern) => pattern.trim())
              .filter((pattern) => pattern !== ''),
          ],
        ],
  );
  const everything = entries.filter(([, patterns]) => patterns.includes('*')).map(([type]) => type);
  if (everything.length > 1) throw usage(`all weights cannot be both ${everything.join(' and ')}`, 'convert');
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function bytesOf(text: string): number {
  const bytes = Number(text);
  if (!/^\d+$/.test(text) || bytes < 1024) throw badOption('weight-shard-size-bytes', text, 'a whole number of bytes, at least 1024');
  return bytes;
}

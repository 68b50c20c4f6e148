/** `--runtime`: which ONNX Runtime runs models, for every command that runs some. */
import type { Options } from 'yargs';

export const runtimeOption = {
  runtime: {
    choices: ['auto', 'native', 'wasm'] as const,
    default: 'auto' as const,
    describe: 'ONNX Runtime to use: native (faster; needs onnxruntime-node), wasm (built in), auto: native where it is installed',
  },
} as const satisfies Record<string, Options>;

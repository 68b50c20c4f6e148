/** Graphs as real exporters wrote them, one of each kind of head and trunk; `npm run zoo` runs all of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zooModel } from '../../fixtures/zoo-weights';
import { type CompileOptions, compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { closeModel, inheritOrigin, readModelFile, writeModelFile } from '../../src/files';
import { verifyFiles } from '../../src/verify/files/verify';
import type { VerifyReport } from '../../src/verify/report';
import { expectEqual } from '../support/checks';

async function converted(name: string, options: CompileOptions): Promise<VerifyReport> {
  const directory = mkdtempSync(join(tmpdir(), 'convolutionize-test-'));
  try {
    const path = zooModel(name, { seed: 1, directory });
    const model = readModelFile(path);
    try {
      const compiled = compile(model, options);
      inheritOrigin(compiled.model, model);
      const output = join(directory, 'converted.onnx');
      writeModelFile(compiled.model, output);
      // What a verdict needs, and no more.
      return await verifyFiles(path, output, { compiled, budget: 1 });
    } finally {
      closeModel(model);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe('zoo', () => {
  test.each<[string, CompileOptions]>([
    ['tv-shufflenet_v2_x0_5.dynamo', {}],
    ['timm-convnext_atto.dynamo', {}],
    ['timm-tf_efficientnet_b0.script', {}],
    ['timm-repvgg_a0.script', { optimise: 2 }],
    ['tv-squeezenet1_1.script', { head: 'cell' }],
    ['timm-mobilenetv3_small_050.script', { head: 'image', optimise: 1 }],
  ])(
    '%s %j',
    async (name, options) => {
      expectEqual(await converted(name, options), 'original size');
    },
    400_000,
  );

  test.each([
    ['timm-mixer_s32_224.dynamo', /mixes positions by a weight/],
    ['timm-mobilevit_xxs.script', /slide/],
    ['tv-maxvit_t.dynamo', /attention/],
    ['tv-swin_t.script', /attention/],
    ['tv-vit_b_16.dynamo', /class token/],
  ])(
    '%s is refused',
    async (name, says) => {
      const error = await converted(name, {}).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(CompileError);
      if (error instanceof CompileError) expect([error.code, error.message]).toEqual(['CANNOT_SLIDE', expect.stringMatching(says)]);
    },
    400_000,
  );
});

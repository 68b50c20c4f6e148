/** Copies of a real model with bytes cut off, changed, doubled or removed: an error of the catalogue or another model, never a crash. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { bufferSource } from '../../src/ir/bytes';
import { readModel } from '../../src/onnx/read';
import { modelToBytes } from '../../src/onnx/write';
import { random } from '../support/seeded';

const sound = readFileSync(join(__dirname, '../../fixtures/models/lenet5.onnx'));
const next = random(11);
const below = (count: number): number => Math.floor(next() * count);

/** Weights are most of the file and may hold any number: what can break lies at both ends. */
const place = (): number => [below(2500), sound.length - 1 - below(2500), below(sound.length)][below(3)] ?? 0;

const damages: Readonly<Record<string, () => Uint8Array>> = {
  'cut short': () => sound.subarray(0, below(2) === 0 ? below(2500) : below(sound.length)),
  'with bits flipped': () => changed((bytes, at) => bytes.fill((bytes[at] ?? 0) ^ (1 << below(8)), at, at + 1)),
  'with bytes overwritten': () => changed((bytes, at) => bytes.fill([0, 1, 127, 128, 255][below(5)] ?? 0, at, at + 1 + below(10))),
  'with bytes missing': () => {
    const at = place();
    return Buffer.concat([sound.subarray(0, at), sound.subarray(at + 1 + below(50))]);
  },
  'with bytes doubled': () => {
    const at = place();
    return Buffer.concat([sound.subarray(0, at + 1 + below(50)), sound.subarray(at)]);
  },
};

function changed(change: (bytes: Buffer, at: number) => void): Uint8Array {
  const bytes = Buffer.from(sound);
  for (let times = 1 + below(3); times > 0; times--) change(bytes, place());
  return bytes;
}

test.each(Object.entries(damages))('200 copies %s', (_, damage) => {
  let refused = 0;
  for (let round = 0; round < 200; round++) {
    const bytes = damage();
    try {
      modelToBytes(compile(readModel(bufferSource(bytes, 'damaged.onnx'))).model);
    } catch (error) {
      // InvariantError and all else is a bug of ours.
      expect(error).toBeInstanceOf(CompileError);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(50);
});

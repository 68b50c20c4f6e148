/** A model whose weights are in a file beside it, as PyTorch's exporter writes it: `convert` says which file its output needs. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { closeModel, readModelFile, writeModelFile } from '../../src/files';
import { useProgram } from '../support/cli';

const program = useProgram();

test('convert names the file beside its output in which weights stay', async () => {
  const home = program.directory();
  const lenet = readModelFile(join(__dirname, '../../fixtures/models/lenet5.onnx'));
  writeModelFile(lenet, join(home, 'net.onnx'), { weights: 'external' });
  closeModel(lenet);
  mkdirSync(join(home, 'elsewhere'));
  const told = async (...args: readonly string[]): Promise<string> =>
    (await program.run(['convert', 'net.onnx', '--no-verify', '-o', ...args], { cwd: home })).stdout.split('\n')[0] ?? '';
  expect(await told('fcn.onnx')).toMatch(/^net\.onnx -> fcn\.onnx \(.*\), which needs net\.onnx\.data beside it for weights$/);
  // In another folder the weights come along, and so they do with a file of their own.
  expect(await told('elsewhere/fcn.onnx')).toMatch(/fcn\.onnx \([^,)]*\)$/);
  expect(await told('own.onnx', '--external-data')).toMatch(/ and own\.onnx\.data \([^,)]*\)$/);
}, 60_000);

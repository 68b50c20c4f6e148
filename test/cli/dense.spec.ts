/** Finer maps from outside: converted, told, and verified again from the files alone. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { useProgram } from '../support/cli';

jest.setTimeout(60_000);
const program = useProgram();
const LENET = join(__dirname, '../../fixtures/models/lenet5.onnx');

test.each(['atrous', 'shift'])('convert --stride 1 --dense %s, and verify', async (dense) => {
  const cwd = program.directory();
  copyFileSync(LENET, join(cwd, 'lenet5.onnx'));
  const { code, stdout } = await program.run(['convert', 'lenet5.onnx', '-o', 'fine.onnx', '--stride', '1', '--dense', dense], { cwd });
  expect(code).toBe(0);
  expect(stdout).toContain('scores [N, 10, height - 27, width - 27]: one prediction for each window of 28x28 pixels, every pixel');
  expect(stdout).toMatch(/crops of the image equal: 75 cells/);
  // The file says how fine it is, and what holds.
  const verified = await program.run(['verify', 'lenet5.onnx', 'fine.onnx'], { cwd });
  expect([verified.code, verified.stdout]).toEqual([0, expect.stringMatching(/crops of the image equal: 75 cells/)]);
});

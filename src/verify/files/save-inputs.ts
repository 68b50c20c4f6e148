/** Inputs as ONNX test data: DIRECTORY/test_data_set_0/input_0.pb, which `--inputs` and ONNX's own tools read. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cannotWrite, outputExists } from '../../diagnostics/catalogue';
import { reasonOf } from '../../files/file-source';
import { fromNumbers } from '../../ir/tensor';
import { dtypeNamed } from '../../onnx/dtypes';
import { tensorFile } from '../../onnx/tensor-file';
import type { Sample } from '../samples';

/** Throws CompileError OUTPUT_EXISTS where the directory has something in it, CANNOT_WRITE. */
export function saveInputs(directory: string, samples: readonly Sample[]): void {
  try {
    if (existsSync(directory) && readdirSync(directory).length > 0) throw outputExists(directory);
    samples.forEach(({ feeds }, at) => {
      const folder = join(directory, `test_data_set_${at}`);
      mkdirSync(folder, { recursive: true });
      [...feeds].forEach(([name, numbers], index) => {
        const tensor = fromNumbers(dtypeNamed(numbers.dtype) ?? 'float', numbers.shape, numbers.data);
        writeFileSync(join(folder, `input_${index}.pb`), tensorFile(tensor, name));
      });
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') throw cannotWrite(directory, reasonOf(error));
    throw error;
  }
}

/** Writes inputs as ONNX test data: DIRECTORY/test_data_set_0/input_0.pb, which `--inputs` and ONNX's own tools read. */

import { dtypeNamed } from '../../ir/dtypes';
import { fromNumbers } from '../../ir/tensor';
import { tensorFile } from '../../onnx/tensor-file';
import { makeFolder, stageDirectory, writeInScratch } from '../../output';
import type { Sample } from '../samples';

/** Throws CompileError DIRECTORY_NOT_EMPTY, OUTPUT_NOT_WRITABLE. */
export function saveInputs(directory: string, samples: readonly Sample[]): void {
  const staged = stageDirectory(directory);
  try {
    samples.forEach(({ feeds }, at) => {
      const folder = makeFolder(staged.path, `test_data_set_${at}`);
      [...feeds].forEach(([name, numbers], index) => {
        const tensor = fromNumbers(dtypeNamed(numbers.dtype) ?? 'float', numbers.shape, numbers.data);
        writeInScratch(folder, `input_${index}.pb`, tensorFile(tensor, name));
      });
    });
    staged.commit();
  } finally {
    staged.discard();
  }
}

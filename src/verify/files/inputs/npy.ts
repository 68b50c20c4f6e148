/** Reads NumPy's file formats as inputs of models: one array (.npy), or several in a zip archive (.npz). */
import { inputFileBroken } from '../../../diagnostics/catalogue';
import { decode } from '../../../sources/element';
import { memoryBytes } from '../../../sources/files/bytes';
import { npzArrays } from '../../../sources/files/npz';
import { npyHeader } from '../../../sources/npy';
import { product } from '../../../sources/source';
import type { Numbers } from '../../onnx-runner';
import { transposed } from '../../pair/layout';

/** Throws CompileError INPUT_FILE_BROKEN. */
export function readNpy(bytes: Uint8Array, file: string): Numbers {
  const fail = (reason: string): never => {
    throw inputFileBroken(file, reason);
  };
  const { element, little, shape, fortran, offset } = npyHeader((from, length) => bytes.subarray(from, from + length), bytes.length, fail);
  const data = decode(element, bytes.subarray(offset), product(shape), little);
  if (!fortran) return { dtype: element.dtype, shape, data };
  // Column-major data is row-major data with the axes reversed.
  const reversed = shape.map((_, axis) => shape.length - 1 - axis);
  return transposed({ dtype: element.dtype, shape: [...shape].reverse(), data }, reversed);
}

/** Arrays by name. Throws CompileError INPUT_FILE_BROKEN, ARRAY_TOO_LARGE. */
export function readNpz(bytes: Uint8Array, file: string): Map<string, Numbers> {
  const arrays = npzArrays(memoryBytes(bytes), file, (reason) => inputFileBroken(file, reason));
  return new Map([...arrays].map(([name, content]) => [name, readNpy(content.read(0, content.length), `${file} (${name})`)]));
}

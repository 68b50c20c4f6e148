/**
 * SparseTensorProto -> Tensor, dense: the stored values, zero elsewhere. The payload is computed on demand.
 *
 *   values   [NNZ], with the name
 *   indices  int64, [NNZ] into the flattened tensor or [NNZ, rank], ascending
 */
import { badTensor, expandsTooFar } from '../diagnostics/catalogue';
import { mostElements } from '../ir/limits';
import { byteSize, elementCount, readNumbers, tensorBytes } from '../ir/tensor';
import type { Tensor } from '../ir/types';
import type { SparseTensorProto } from './proto';
import { readShape, readTensor, type TensorReader } from './read-tensor';

/** Throws CompileError BAD_TENSOR, BAD_EXTERNAL_DATA, EXPANDS_TOO_FAR. */
export function readSparseTensor(proto: SparseTensorProto, name: string, reader: TensorReader): Tensor {
  const fail = (what: string) => badTensor(name, what, reader.file);
  if (!proto.values || !proto.indices) throw fail('it is sparse and lacks its values or their indices');
  const values = readTensor(proto.values, name, reader);
  const indices = readTensor(proto.indices, `${name} (indices)`, reader);
  const [count = 0] = values.shape;
  const shape = readShape(proto.dims, name, reader.file);
  const { dtype } = values;
  const total = elementCount(shape);
  const most = Math.max(mostElements(count, reader.limits ?? 1), 1000 * count);
  if (total > most)
    throw expandsTooFar(
      `the sparse tensor '${name}' of ${count} values has ${total.toLocaleString('en')} elements`,
      `it may have ${Math.floor(most).toLocaleString('en')}`,
      { value: name, file: reader.file },
    );
  const width = byteSize(dtype, 1);
  if (width === undefined || byteSize(dtype, 8) !== 8 * width) throw fail(`a sparse tensor of type ${dtype} is not read`);
  const isFlat = indices.shape.length === 1;
  const fits = values.shape.length === 1 && indices.shape[0] === count && (isFlat || indices.shape[1] === shape.length);
  if (!fits || indices.dtype !== 'int64' || indices.shape.length > 2)
    throw fail(`${count} values and indices of shape [${indices.shape}] do not belong to shape [${shape}]`);
  // The indices are few and determine the positions of the values, so they are read and checked right away.
  const places = placesOf(readNumbers(indices), shape, isFlat);
  if (places.some((place) => !(place >= 0 && place < total))) throw fail('an index of a sparse tensor is outside of it');
  const compute = (): Uint8Array => {
    const [from, to] = [tensorBytes(values), new Uint8Array(total * width)];
    for (const [at, place] of places.entries()) to.set(from.subarray(at * width, (at + 1) * width), place * width);
    return to;
  };
  return { dtype, shape, data: { kind: 'computed', byteLength: total * width, compute } };
}

/** Row-major positions. An index outside its axis gives NaN. */
function placesOf(indices: Float64Array, shape: readonly number[], isFlat: boolean): Float64Array {
  if (isFlat) return indices;
  const rank = shape.length;
  const places = new Float64Array(rank === 0 ? 0 : indices.length / rank);
  for (let at = 0; at < places.length; at++) {
    let place = 0;
    for (let axis = 0; axis < rank; axis++) {
      const [index, length] = [indices[at * rank + axis] ?? 0, shape[axis] ?? 0];
      place = index >= 0 && index < length ? place * length + index : Number.NaN;
    }
    places[at] = place;
  }
  return places;
}

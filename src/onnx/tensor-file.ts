/** TensorProto files, the format of ONNX's test data (`input_0.pb`). */
import { notATensor } from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import { dtypeNumber } from '../ir/dtypes';
import { tensorBytes } from '../ir/tensor';
import type { Tensor } from '../ir/types';
import { decodeTensor, encodeTensor, toInt64 } from './proto';
import { readTensor } from './read-tensor';

/** Throws CompileError NOT_A_TENSOR or BAD_TENSOR. */
export function readTensorFile(bytes: Uint8Array, file: string): { readonly name: string; readonly tensor: Tensor } {
  try {
    const proto = decodeTensor(bytes);
    const name = proto.name ?? '';
    return { name, tensor: readTensor(proto, name || file, { skeleton: { payloadOf: () => undefined }, file }) };
  } catch (error) {
    if (error instanceof CompileError) throw error;
    throw notATensor(file, error instanceof Error ? error.message : String(error));
  }
}

export const tensorFile = (tensor: Tensor, name: string): Uint8Array =>
  encodeTensor({ name, dims: tensor.shape.map(toInt64), data_type: dtypeNumber(tensor.dtype), raw_data: tensorBytes(tensor) });

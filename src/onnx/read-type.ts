/** TypeProto -> TensorType. Types other than tensors are kept as they are and have no TensorType. */
import { badGraph } from '../diagnostics/catalogue';
import { dtypeNumbered } from '../ir/dtypes';
import type { Dim, TensorType } from '../ir/types';
import { type DimensionProto, fromInt64, type TypeProto } from './proto';

/** undefined: not a dense tensor. `name` is for messages. */
export function readType(type: TypeProto | null | undefined, name: string): TensorType | undefined {
  const tensor = type?.tensor_type;
  if (!tensor?.elem_type) return undefined;
  const dtype = dtypeNumbered(tensor.elem_type);
  const dims = tensor.shape?.dim;
  return tensor.shape ? { dtype, shape: (dims ?? []).map((dim) => readDim(dim, name)) } : { dtype };
}

/**
 * Exporters write -1, and MXNet 0, for an axis of unknown length, and runtimes interpret it so. A truly empty axis is found by shape inference.
 * Numbers beyond 2^53 are not exact.
 */
function readDim(dim: DimensionProto, name: string): Dim {
  if (dim.dim_param) return dim.dim_param;
  if (dim.dim_value === undefined || dim.dim_value === null) return undefined;
  const value = fromInt64(dim.dim_value);
  if (value <= 0) return undefined;
  if (typeof value === 'bigint') throw badGraph(`'${name}' has a dimension of ${value}, which is larger than any tensor`, { value: name });
  return value;
}

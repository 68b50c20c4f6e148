/** Lowerings by operator: everything that can be expressed in TensorFlow.js. `nhwc.*`: over maps, as channels-last/ writes them. */

import { table } from '../../ir/table';
import { depthToSpace, spaceToDepth } from './blocks';
import { conv } from './conv';
import { convTranspose } from './conv-transpose';
import { elementwise } from './elementwise';
import { gemm, matMul } from './linear';
import type { Lowering } from './lowering';
import {
  batchNormalization,
  groupNormalization,
  instanceNormalization,
  layerNormalization,
  lpNormalization,
  lrn,
  meanVarianceNormalization,
  rmsNormalization,
} from './normalisation';
import { parts } from './parts';
import { picks } from './picks';
import { averagePool, globalLpPool, globalPool, lpPool, maxPool } from './pool';
import { quantised } from './quantised';
import { reductions } from './reduce';
import { resize, resizeMap } from './resize';
import { sources } from './sources';
import { views } from './views';

const TABLE: Readonly<Record<string, Lowering>> = table({
  ...elementwise,
  ...parts,
  ...picks,
  ...quantised,
  ...reductions,
  ...sources,
  ...views,
  Gemm: gemm,
  LayerNormalization: layerNormalization,
  LpNormalization: lpNormalization,
  MatMul: matMul,
  MeanVarianceNormalization: meanVarianceNormalization,
  RMSNormalization: rmsNormalization,
  Resize: resize,
  // Kept as in opset 11, for coordinates that newer opsets lack; its operands are the same.
  'ai.onnx.v11.Resize': resize,
  'nhwc.AveragePool': averagePool,
  'nhwc.BatchNormalization': batchNormalization,
  'nhwc.Conv': conv,
  'nhwc.ConvTranspose': convTranspose,
  'nhwc.DepthToSpace': depthToSpace,
  'nhwc.GlobalAveragePool': globalPool('Mean'),
  'nhwc.GlobalLpPool': globalLpPool,
  'nhwc.GlobalMaxPool': globalPool('Max'),
  'nhwc.GroupNormalization': groupNormalization,
  'nhwc.InstanceNormalization': instanceNormalization,
  'nhwc.LRN': lrn,
  'nhwc.LayerNormalization': layerNormalization,
  'nhwc.LpPool': lpPool,
  'nhwc.MatMul': matMul,
  'nhwc.MaxPool': maxPool,
  'nhwc.RMSNormalization': rmsNormalization,
  'nhwc.Resize': resizeMap,
  'nhwc.SpaceToDepth': spaceToDepth,
});

export const loweringFor = (op: string): Lowering | undefined => (Object.hasOwn(TABLE, op) ? TABLE[op] : undefined);

/** ONNX operators that can be expressed, sorted. */
export const supportedOperators: readonly string[] = [
  ...new Set(Object.keys(TABLE).map((op) => op.replace(/^(nhwc|ai\.onnx\.v\d+)\./, ''))),
].sort();

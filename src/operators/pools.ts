/** Pools with the schema's defaults filled in, over windows or over whole maps. */
import { intAttr } from '../ir/attrs';
import { byOperator } from '../ir/match';
import type { Node } from '../ir/types';

/** A mean, a maximum, or the root of a sum of powers. */
export type PoolMode = 'mean' | 'max' | 'power';

export interface Pool {
  readonly mode: PoolMode;
  /** Rounds the number of windows up. */
  readonly ceil: boolean;
  /** An average counts padding as zeros. */
  readonly countsPadding: boolean;
}

const WINDOWED = byOperator<PoolMode>({ AveragePool: 'mean', LpPool: 'power', MaxPool: 'max' });
const GLOBAL = byOperator<PoolMode>({ GlobalAveragePool: 'mean', GlobalLpPool: 'power', GlobalMaxPool: 'max' });

/** A pool over windows; undefined for any other node. */
export function asPool(node: Node | undefined): Pool | undefined {
  const mode = node && WINDOWED(node);
  return (
    mode && { mode, ceil: intAttr(node, 'ceil_mode') !== 0, countsPadding: mode === 'mean' && intAttr(node, 'count_include_pad') !== 0 }
  );
}

export interface GlobalPoolOperator {
  readonly mode: PoolMode;
  /** Exponent of a power. */
  readonly p: number | undefined;
}

/** A pool over whole maps; undefined for any other node. */
export function asGlobalPool(node: Node | undefined): GlobalPoolOperator | undefined {
  const mode = node && GLOBAL(node);
  return mode && { mode, p: mode === 'power' ? intAttr(node, 'p') : undefined };
}

/** True for a mean over whole maps. */
export const isGlobalMean = (node: Node | undefined): boolean => asGlobalPool(node)?.mode === 'mean';

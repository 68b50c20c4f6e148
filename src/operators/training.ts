/** Operators that compute otherwise while a network is trained. */
import { intAttr } from '../ir/attrs';
import { readNumbers } from '../ir/tensor';
import type { Node } from '../ir/types';

/** What a node in training mode does; undefined if it is in the mode of inference. A mode that is computed may be that of training. */
export function trainingOf(node: Node): string | undefined {
  if (node.op === 'BatchNormalization') return intAttr(node, 'training_mode') === 0 ? undefined : 'takes mean and variance from the batch';
  if (node.op !== 'Dropout') return undefined;
  const [, ratio, mode] = node.inputs;
  if (!mode || isZero(mode.constant) || isZero(ratio?.constant)) return undefined;
  return 'drops numbers at random';
}

const isZero = (constant: Parameters<typeof readNumbers>[0] | undefined): boolean =>
  constant !== undefined && readNumbers(constant)[0] === 0;

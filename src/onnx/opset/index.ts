/**
 * Converts between the spelling of a file and normal form.
 *
 * In the IR, nodes of ONNX's own domain are in the newest spelling, so that passes need to know only one. A node that the newest spelling cannot
 * express keeps its form, under a domain of its own (pinned.ts). Other domains are not changed.
 */
import { opsetOutOfRange, opsetTooOld } from '../../diagnostics/catalogue';
import type { Model } from '../../ir/model';
import { irVersionFor } from '../../ir/operators';
import { spell } from './lower';
import { OLDEST_WRITTEN } from './raise';

export { pinnedSince } from '../../ir/pinned';
export { type Demand, type Lowering, plainOpset, spell } from './lower';
export { OLDEST_WRITTEN, raiseNodes, raiseToNormalForm, UPGRADED_TO } from './raise';

/** The newest opset that ONNX Runtime 1.30 loads (measured; 27 and 28 are refused). The writer never goes higher than the nodes require. */
export const NEWEST_RUNNABLE_OPSET = 26;

/**
 * The model in the spelling of the opset that it declares, or of the smallest newer one that can express all its nodes; the model
 * itself stays in normal form. Throws CompileError OPSET_CONFLICT if no opset can express all of them.
 */
export const lowerFromNormalForm = (model: Model): Model => spell(model).model;

/**
 * Makes the model declare this opset of ONNX's own domain, older or newer than before. Throws CompileError OPSET_OUT_OF_RANGE for an opset that cannot be
 * written or run, and OPSET_TOO_OLD if it cannot express a node.
 */
export function declareOpset(model: Model, opset: number): void {
  if (!Number.isInteger(opset) || opset < OLDEST_WRITTEN || opset > NEWEST_RUNNABLE_OPSET)
    throw opsetOutOfRange(opset, OLDEST_WRITTEN, NEWEST_RUNNABLE_OPSET);
  const before = model.opsets.get('');
  model.opsets.set('', opset);
  const { demands } = spell(model);
  if (demands.length === 0) {
    model.irVersion = Math.max(model.irVersion, irVersionFor(opset));
    return;
  }
  if (before === undefined) model.opsets.delete('');
  else model.opsets.set('', before);
  throw opsetTooOld(opset, demands);
}

/**
 * Softmax, LogSoftmax, Hardmax. Until opset 12 they treat the input as a matrix: the axes before `axis` (default 1) are rows, the others columns.
 * From 13 on they work along one axis (default: the last).
 *
 *   Softmax-1 <axis = a> (x)   =   Reshape(Softmax-13 <axis = -1> (Flatten <axis = a> (x)), Shape(x))      whatever the rank
 *                              =   Softmax-13 <axis = a> (x)      if all axes after a have length one, or there are none
 */
import { int, intAttr } from '../../../ir/attrs';
import type { Node, Value } from '../../../ir/types';
import type { Adapter, Lowered, Raised } from '../adapter';
import { refuse } from '../adapter';
import type { Editor } from '../editor';
import { rankOf } from '../facts';
import { intBefore } from '../old-attributes';

export const softmaxAdapters: readonly Adapter[] = ['Softmax', 'LogSoftmax', 'Hardmax'].map((op) => ({ op, since: 13, raise, lower }));

function raise(node: Node, edit: Editor): Raised {
  const [x] = node.inputs;
  const axis = intBefore(13, node, 'axis');
  if (isAlone(x, axis)) {
    // Without the attribute, the newest spelling uses the last axis.
    if (!node.attrs.has('axis') && rankOf(x) !== 2) edit.setAttrs(node, { axis: int(axis) });
    return undefined;
  }
  const written = node.attrs.get('axis');
  const shape = edit.insert(node, 'Shape', [x], { suffix: 'shape' });
  const rows = edit.insert(node, 'Flatten', [x], { attrs: { axis: written }, suffix: 'rows' });
  const result = edit.insert(node, node.opType, [rows], { attrs: { axis: int(-1) }, suffix: 'matrix' });
  edit.respell(node, { op: 'Reshape', inputs: [result, shape], attrs: { axis: undefined } });
  return 'done';
}

function lower(node: Node, edit: Editor): Lowered {
  const [x] = node.inputs;
  const axis = intAttr(node, 'axis');
  const matrix = axis === -1 || (rankOf(x) === 2 && axis === 1) ? matrixForm(node) : undefined;
  if (matrix) {
    const { flatten, reshape, shape, source } = matrix;
    const written = flatten.attrs.get('axis');
    edit.respell(reshape, { op: node.opType, inputs: [source], attrs: { axis: written, allowzero: undefined } });
    edit.remove(node);
    edit.remove(flatten);
    if (shape.outputs.every((output) => output.uses.length === 0) && !isPublic(shape)) edit.remove(shape);
    return { node: reshape };
  }
  if (!isAlone(x, axis)) return refuse(`it works along axis ${axis} of several`);
  // An explicit axis is kept; its absence means another axis in the older spelling.
  if (!node.attrs.has('axis')) {
    const rank = rankOf(x);
    if (rank !== 2) edit.setAttrs(node, { axis: int(rank === undefined ? -1 : rank - 1) });
  }
  return undefined;
}

/** Whether all axes after this one have length one. */
function isAlone(x: Value | undefined, axis: number): boolean {
  if (axis === -1) return true;
  const rank = rankOf(x);
  if (rank === undefined) return false;
  const at = axis < 0 ? axis + rank : axis;
  if (at === rank - 1) return true;
  const after = x?.type?.shape?.slice(at + 1);
  return at >= 0 && after !== undefined && after.every((dim) => dim === 1);
}

interface MatrixForm {
  readonly source: Value;
  readonly flatten: Node;
  readonly shape: Node;
  readonly reshape: Node;
}

/** Matches Reshape(node(Flatten(x)), Shape(x)) whose intermediate values have no other readers. */
function matrixForm(node: Node): MatrixForm | undefined {
  const flatten = node.inputs[0]?.producer;
  const [use, ...others] = node.outputs[0]?.uses ?? [];
  const reshape = use?.user;
  const shape = reshape?.inputs[1]?.producer;
  const source = flatten?.inputs[0];
  if (!flatten || !reshape || !shape || !source || others.length > 0 || use?.slot !== 0) return undefined;
  if (flatten.op !== 'Flatten' || reshape.op !== 'Reshape' || shape.op !== 'Shape') return undefined;
  if (shape.inputs[0] !== source || shape.attrs.size > 0 || intAttr(reshape, 'allowzero') !== 0) return undefined;
  const between = [node, flatten];
  if (between.some((inner) => isPublic(inner) || inner.graph !== reshape.graph)) return undefined;
  if (shape.graph !== reshape.graph || flatten.outputs[0]?.uses.length !== 1) return undefined;
  return { source, flatten, shape, reshape };
}

const isPublic = (node: Node): boolean => node.outputs.some((output) => node.graph.isOutput(output));

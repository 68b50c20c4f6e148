/**
 * fix-windows: at a fixed size, make the padding of windows explicit, and drop ceil_mode where it has no effect.
 *
 *   Conv<auto_pad = SAME_UPPER>(X)  ->  Conv<pads = its value at this size>(X)
 *   MaxPool<ceil_mode = 1>(X)       ->  MaxPool(X)                  if the last window ends with the padded map
 *
 * Accelerators require explicit pads, and many do not support ceil_mode. The windows stay the same.
 * Numbers: identical.
 * Left alone: maps of symbolic sizes; ConvTranspose.
 */
import { attributes } from '../src/ir/attrs';
import { meaningOf } from '../src/ir/integer-operators';
import type { Attr, Node } from '../src/ir/types';
import { asWindow, extentOf, samePadBefore, type Window, type WindowAxis } from '../src/operators/window';
import { definePass } from '../src/rewrite/pass';

const WINDOWS: ReadonlySet<string> = new Set(['Conv', 'ConvInteger', 'MaxPool', 'AveragePool', 'LpPool']);

export const fixWindows = definePass({
  name: 'fix-windows',
  summary: 'write down the padding of windows over maps of a fixed size',
  numbers: 'identical',
  run(graph, { remark }) {
    for (const node of graph.nodes) {
      const window = WINDOWS.has(meaningOf(node)) ? asWindow(node) : undefined;
      const lengths = node.inputs[0]?.type?.shape?.slice(2);
      if (!window || lengths?.length !== window.axes.length || node.attrs.has('channels_last')) continue;
      if (!lengths.every((length): length is number => typeof length === 'number')) continue;
      const attrs = fixed(node, window, lengths);
      if (!attrs) continue;
      graph.respell(node, { attrs });
      remark({ kind: 'applied', at: { node: node.name, op: node.op, origin: node.origin }, origin: node.origin });
    }
  },
});

/** New attributes; undefined if the size changes nothing. */
function fixed(node: Node, window: Window, lengths: readonly number[]): ReadonlyMap<string, Attr> | undefined {
  const padded = window.autoPad === 'NOTSET' ? undefined : window.axes.map((axis, at) => padsAlong(window, axis, lengths[at] ?? 0));
  const pads = padded ?? window.axes.map(({ before, after }) => [before, after] as const);
  const isWhole = window.axes.every((axis, at) => {
    const [before = 0, after = 0] = pads[at] ?? [];
    return ((lengths[at] ?? 0) + before + after - extentOf(axis)) % axis.stride === 0;
  });
  const roundsNothing = window.ceil && isWhole;
  if (!padded && !roundsNothing) return undefined;
  const attrs = new Map(node.attrs);
  if (padded) {
    attrs.delete('auto_pad');
    attrs.delete('pads');
    const all = [...pads.map(([before]) => before), ...pads.map(([, after]) => after)];
    if (all.some((pad) => pad !== 0)) for (const [name, attr] of attributes({ pads: all }, node.op)) attrs.set(name, attr);
  }
  if (roundsNothing) attrs.delete('ceil_mode');
  return attrs;
}

function padsAlong(window: Window, axis: WindowAxis, length: number): readonly [before: number, after: number] {
  if (window.autoPad === 'VALID') return [0, 0];
  const total = Math.max((Math.ceil(length / axis.stride) - 1) * axis.stride + extentOf(axis) - length, 0);
  const before = samePadBefore(window, axis, length);
  return [before, total - before];
}

/**
 * Which pixels a cell of a map looks at: for every value, per spatial axis, the window, the stride and where the window of cell 0 begins.
 *
 *   cell i of the value depends on pixels  offset + i * stride ... offset + i * stride + window - 1   along that axis
 *
 * A negative offset, or an end beyond the image, is padding. Branches that meet give the union of their windows. An axis along which everything is taken
 * together (global pools, norms over places, attention) is 'whole'. Axes are followed by their roles, so channels-last stretches and flattened maps are
 * read alike. The windows are bounds: no pixel outside of one matters; a pixel inside may have weight zero.
 * Types must be inferred; static sizes give the most. What an unknown operator computes is not known, and so is all that reads it.
 */

import { intAttr, intsAttr } from '../ir/attrs';
import { AxisRoles, imageInputs, type Roles } from '../ir/axis-roles';
import type { Graph } from '../ir/graph';
import { isBroadcasting, isQuantiser, isReduction, isUnaryElementwise } from '../ir/operator-traits';
import { readNumbers } from '../ir/tensor';
import type { Dim, Node, Value } from '../ir/types';
import { isConst } from '../ir/types';
import { type AxisStep, axisStep } from './axis-step';

/** All in input pixels; fractions appear behind upsampling. */
export interface AxisField {
  readonly window: number;
  readonly stride: number;
  readonly offset: number;
}

export interface ReceptiveField {
  readonly rows: AxisField | 'whole';
  readonly columns: AxisField | 'whole';
}

export interface ReceptiveFields {
  /** undefined: the value does not depend on an image, or how is not known. */
  of(value: Value): ReceptiveField | undefined;
  /** Nodes that read beyond the edge of a map: zeros, minus infinity, repeated edges. In graph order, as the others. */
  readonly padding: readonly Node[];
  /** Nodes whose result depends on the whole image, through all places of a map. */
  readonly global: readonly Node[];
  /** Nodes that could not be followed; not those behind them. */
  readonly unknown: readonly Node[];
}

export function receptiveFields(graph: Graph): ReceptiveFields {
  const fields = new Fields(graph);
  return {
    of: (value) => fields.fieldOf(value),
    padding: [...fields.padding],
    global: [...fields.global],
    unknown: [...fields.unknown],
  };
}

const SPATIAL = ['rows', 'columns'] as const;
type Axis = (typeof SPATIAL)[number];

/** `cells`: how many there are along the axis, where one axis of the value holds them. */
interface Track extends AxisField {
  readonly cells: Dim;
}
type Tracked = Readonly<Record<Axis, Track | 'whole'>>;
/** `none`: does not depend on pixels. */
type State = Tracked | 'none' | 'unknown';

class Fields {
  readonly padding = new Set<Node>();
  readonly global = new Set<Node>();
  readonly unknown = new Set<Node>();
  private readonly states = new Map<Value, State>();
  private readonly roles: AxisRoles;

  constructor(graph: Graph) {
    const images = imageInputs(graph);
    this.roles = new AxisRoles(images);
    for (const [image, roles] of images) {
      const pixel = (axis: Axis): Track => ({ window: 1, stride: 1, offset: 0, cells: cellsAlong(image, roles, axis) });
      this.states.set(image, { rows: pixel('rows'), columns: pixel('columns') });
    }
    for (const node of graph.nodes) {
      const state = this.derive(node);
      for (const output of node.outputs) this.states.set(output, this.settle(state, output));
    }
  }

  fieldOf(value: Value): ReceptiveField | undefined {
    const state = this.stateOf(value);
    if (state === 'none' || state === 'unknown') return undefined;
    const plain = (track: Track | 'whole'): AxisField | 'whole' =>
      track === 'whole' ? track : { window: track.window, stride: track.stride, offset: track.offset };
    return { rows: plain(state.rows), columns: plain(state.columns) };
  }

  private stateOf(value: Value | undefined): State {
    return value === undefined || isConst(value) ? 'none' : (this.states.get(value) ?? 'none');
  }

  private derive(node: Node): State {
    // Sizes are not pixels.
    if (node.op === 'Shape' || node.op === 'Size') return 'none';
    const states = node.inputs.map((input) => this.stateOf(input));
    if (states.every((state) => state === 'none')) return 'none';
    if (states.includes('unknown')) return 'unknown';
    const state = this.follow(node, states);
    if (state === 'unknown') this.unknown.add(node);
    return state;
  }

  private follow(node: Node, states: readonly State[]): State {
    if (isUnaryElementwise(node.op) || isQuantiser(node.op)) return this.pass(states);
    if (isBroadcasting(node.op) || node.op === 'Concat' || node.op === 'Expand') return this.merge(node, states);
    const [data] = node.inputs;
    const own = data && this.roles.of(data);
    const [state = 'none'] = states;
    if (node.op === 'MatMul') return this.matMul(node, states);
    // A weight, a size or an index that is computed from pixels.
    if (!data || !own || state === 'none' || state === 'unknown' || states.slice(1).some((other) => other !== 'none')) return 'unknown';
    if (isReduction(node.op)) return this.reduce(node, data, own, state);
    switch (node.op) {
      case 'Conv':
      case 'ConvTranspose':
      case 'AveragePool':
      case 'MaxPool':
      case 'LpPool':
      case 'SpaceToDepth':
      case 'DepthToSpace':
      case 'Pad':
      case 'Slice':
      case 'Resize':
        return this.step(node, data, own, state);
      case 'GlobalAveragePool':
      case 'GlobalMaxPool':
      case 'GlobalLpPool':
      case 'InstanceNormalization':
      case 'GroupNormalization':
        return this.gather(node, data, own, state, (axis) => axis >= 2);
      case 'MeanVarianceNormalization': {
        const axes = intsAttr(node, 'axes') ?? [0, 2, 3];
        return this.gather(node, data, own, state, (axis) => axes.includes(axis));
      }
      case 'BatchNormalization':
        return intAttr(node, 'training_mode', 0) === 0 ? state : this.gather(node, data, own, state, (axis) => axis !== 1);
      case 'LayerNormalization':
      case 'RMSNormalization':
        return this.gather(node, data, own, state, (axis) => axis >= inRange(intAttr(node, 'axis', -1), own.length));
      case 'Softmax':
      case 'LogSoftmax':
      case 'Hardmax':
      case 'LpNormalization':
      case 'TopK':
      case 'CumSum':
        return this.along(node, data, own, state, node.op === 'CumSum' ? cumSumAxis(node) : intAttr(node, 'axis', -1));
      case 'ArgMax':
      case 'ArgMin':
        return this.along(node, data, own, state, intAttr(node, 'axis', 0));
      case 'Gemm': {
        const contracted = intAttr(node, 'transA', 0) === 0 ? 1 : 0;
        return this.gather(node, data, own, state, (axis) => axis === contracted);
      }
      case 'Dropout':
      case 'Flatten':
      case 'LRN':
      case 'Reshape':
      case 'Squeeze':
      case 'Transpose':
      case 'Unsqueeze':
        return state;
      case 'Gather':
      case 'Split':
      case 'Tile':
        return this.alongChannels(node, data, own, state);
      default:
        return 'unknown';
    }
  }

  /** The one operand that depends on pixels, as it is. */
  private pass(states: readonly State[]): State {
    return states.find((state) => state !== 'none') ?? 'none';
  }

  /** The union of what the operands look at. An operand of one cell that is laid over many is the same for all of them. */
  private merge(node: Node, states: readonly State[]): State {
    const [output] = node.outputs;
    const roles = output && this.roles.of(output);
    if (node.op === 'Concat' && roles && spatialAxis(roles[inRange(intAttr(node, 'axis', 0), roles.length)] ?? '') !== undefined)
      return 'unknown';
    let merged: State = 'none';
    for (const [slot, state] of states.entries()) {
      if (state === 'none' || state === 'unknown') continue;
      const spread = output && roles ? this.spreadOver(node.inputs[slot], output, roles, state) : state;
      merged = merged === 'none' ? spread : merged === 'unknown' ? merged : union(merged, spread);
    }
    return merged;
  }

  private spreadOver(operand: Value | undefined, output: Value, roles: Roles, state: Tracked): Tracked {
    const own = operand && this.roles.of(operand);
    const along = (axis: Axis): Track | 'whole' => {
      const cells = operand && own ? cellsAlong(operand, own, axis) : undefined;
      return (cells === 1 || cells === undefined) && (cellsAlong(output, roles, axis) ?? 1) !== 1 && isSingle(state[axis])
        ? 'whole'
        : state[axis];
    };
    return { rows: along('rows'), columns: along('columns') };
  }

  private step(node: Node, data: Value, own: Roles, state: Tracked): State {
    const next: Record<Axis, Track | 'whole'> = { ...state };
    for (const [axis, role] of own.entries()) {
      const spatial = spatialAxis(role);
      const isPlace =
        !['Conv', 'ConvTranspose', 'AveragePool', 'MaxPool', 'LpPool', 'SpaceToDepth', 'DepthToSpace'].includes(node.op) || axis >= 2;
      if (!isPlace) {
        // Channels are mixed by convolutions; rows that stand where channels do are mixed with them.
        if (axis === 1 && node.op.startsWith('Conv')) this.takeAll(node, data, role, state, next);
        continue;
      }
      if (spatial === undefined && !role.match(/[HW]/)) continue;
      const step = axisStep(node, axis);
      if (!step) return 'unknown';
      if (step.start === 0 && step.stride === 1 && step.extent === 1 && !step.pads) continue;
      if (spatial === undefined) return 'unknown';
      const track = next[spatial];
      if (track !== 'whole') next[spatial] = walked(track, step, node.outputs[0]?.type?.shape?.[axis]);
      if (step.pads) this.padding.add(node);
    }
    return next;
  }

  private reduce(node: Node, data: Value, own: Roles, state: Tracked): State {
    const constant = node.inputs[1]?.constant;
    if (node.inputs[1] && !constant) return 'unknown';
    const given = constant && [...readNumbers(constant)].map((axis) => inRange(axis, own.length));
    if (given?.length === 0 && intAttr(node, 'noop_with_empty_axes', 0) !== 0) return state;
    return this.gather(node, data, own, state, (axis) => !given || given.length === 0 || given.includes(axis));
  }

  /** Everything along these axes is taken together. */
  private gather(node: Node, data: Value, own: Roles, state: Tracked, takes: (axis: number) => boolean): State {
    const next: Record<Axis, Track | 'whole'> = { ...state };
    for (const [axis, role] of own.entries()) if (takes(axis)) this.takeAll(node, data, role, state, next);
    return next;
  }

  private takeAll(node: Node, data: Value, role: string, state: Tracked, next: Record<Axis, Track | 'whole'>): void {
    for (const spatial of SPATIAL) {
      if (!this.runsOver(data, role, state, spatial)) continue;
      next[spatial] = 'whole';
      this.global.add(node);
    }
  }

  private isSpread(data: Value, role: string, state: Tracked): boolean {
    return SPATIAL.some((spatial) => this.runsOver(data, role, state, spatial));
  }

  /** Whether an axis of this role runs over more than one row, or column, of cells. */
  private runsOver(data: Value, role: string, state: Tracked, spatial: Axis): boolean {
    if (!role.includes(spatial === 'rows' ? 'H' : 'W')) return false;
    const cells = cellsAlong(data, this.roles.of(data) ?? [], spatial);
    // Channels that hold the places within one cell, as behind space-to-depth: the cells themselves have an axis of their own.
    if (spatialAxis(role) !== spatial && cells !== undefined) return false;
    return state[spatial] === 'whole' ? cells !== 1 && cells !== undefined : !isSingle(state[spatial]);
  }

  private along(node: Node, data: Value, own: Roles, state: Tracked, axis: number | undefined): State {
    return axis === undefined ? 'unknown' : this.gather(node, data, own, state, (at) => at === inRange(axis, own.length));
  }

  /** Picking, cutting and repeating channels leaves places alone; doing it to places is not followed. */
  private alongChannels(node: Node, data: Value, own: Roles, state: Tracked): State {
    const shape = [data.type?.shape, node.outputs[0]?.type?.shape] as const;
    if (node.op === 'Tile')
      return own.every((role, axis) => !/[HW]/.test(role) || shape[0]?.[axis] === shape[1]?.[axis]) ? state : 'unknown';
    const role = own[inRange(intAttr(node, 'axis', 0), own.length)] ?? '';
    return this.isSpread(data, role, state) ? 'unknown' : state;
  }

  private matMul(node: Node, states: readonly State[]): State {
    const [left, right] = node.inputs;
    const [a, b] = [left && this.roles.of(left), right && this.roles.of(right)];
    const [first = 'none', second = 'none'] = states;
    const isField = (state: State): state is Tracked => state !== 'none' && state !== 'unknown';
    if ((isField(first) && !a) || (isField(second) && !b)) return 'unknown';
    let next: State = 'none';
    if (left && a && isField(first)) next = this.gather(node, left, a, first, (axis) => axis === a.length - 1);
    if (right && b && isField(second)) {
      const other = this.gather(node, right, b, second, (axis) => axis === Math.max(b.length - 2, 0));
      next = next === 'none' || next === 'unknown' || other === 'none' || other === 'unknown' ? other : union(next, other);
      // One axis of places against another: every place with every place.
      if (
        left &&
        a &&
        isField(first) &&
        this.isSpread(left, a[a.length - 2] ?? '', first) &&
        this.isSpread(right, b[b.length - 1] ?? '', second)
      ) {
        this.global.add(node);
        next = { rows: 'whole', columns: 'whole' };
      }
    }
    return next;
  }

  /** Where views regroup places, as space-to-depth does by Reshape and Transpose, the number of cells tells the new stride. */
  private settle(state: State, output: Value): State {
    if (state === 'none' || state === 'unknown') return state;
    const roles = this.roles.of(output);
    const along = (axis: Axis): Track | 'whole' => {
      const track = state[axis];
      const cells = roles && cellsAlong(output, roles, axis);
      if (track === 'whole' || cells === undefined) return track;
      const ratio = typeof cells === 'number' && typeof track.cells === 'number' ? track.cells / cells : 1;
      const step: AxisStep =
        ratio >= 1
          ? { start: 0, stride: ratio, extent: ratio, pads: false }
          : { start: ratio - 1, stride: ratio, extent: 2 - ratio, pads: false };
      return ratio === 1 ? { ...track, cells } : walked(track, step, cells);
    };
    return { rows: along('rows'), columns: along('columns') };
  }
}

const walked = (track: Track, { start, stride, extent }: AxisStep, cells: Dim): Track => ({
  offset: track.offset + start * track.stride,
  window: track.window + (extent - 1) * track.stride,
  stride: track.stride * stride,
  cells,
});

const isSingle = (track: Track | 'whole'): boolean => track === 'whole' || track.cells === 1;

function union(a: Tracked, b: Tracked): State {
  const rows = joined(a.rows, b.rows);
  const columns = joined(a.columns, b.columns);
  return rows && columns ? { rows, columns } : 'unknown';
}

/** Branches of another pace do not meet in convolutional networks; where they do, it is not known what a cell is. */
function joined(a: Track | 'whole', b: Track | 'whole'): Track | 'whole' | undefined {
  if (a === 'whole' || b === 'whole') return 'whole';
  if (Math.abs(a.stride - b.stride) > 1e-9 * a.stride) return undefined;
  const offset = Math.min(a.offset, b.offset);
  return { offset, window: Math.max(a.offset + a.window, b.offset + b.window) - offset, stride: a.stride, cells: a.cells ?? b.cells };
}

/** The spatial axis that an axis of this role runs along alone. */
const spatialAxis = (role: string): Axis | undefined =>
  role.includes('H') === role.includes('W') ? undefined : role.includes('H') ? 'rows' : 'columns';

/** Length of the one axis of the value that runs along rows, or columns; undefined where there is none, or several. */
function cellsAlong(value: Value, roles: Roles, axis: Axis): Dim {
  const at = roles.flatMap((role, index) => (spatialAxis(role) === axis ? [index] : []));
  return at.length === 1 ? value.type?.shape?.[at[0] ?? 0] : undefined;
}

const inRange = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const cumSumAxis = (node: Node): number | undefined => {
  const axis = node.inputs[1]?.constant;
  return axis && readNumbers(axis)[0];
};

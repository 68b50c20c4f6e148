/**
 * What the compiler knows of an operator, facet by facet. `reads` is the one fact behind receptive fields, strides, contracts and "can it slide?":
 * src/analysis/motion.ts folds it over a graph. What is not known is said to be so (`unknown`), and a conversion refuses it by the operator's own name.
 */
import type { Ratio } from '../ir/ratio';
import type { Node } from '../ir/types';

/**
 * One axis of a window: cell i of the result reads cells  start + i * stride ... start + i * stride + extent - 1  of the data.
 *
 * Exact. `stride` below zero runs backwards; 1/2 shows each cell twice, and `start` and `extent` are then the widest over all cells. The result repeats
 * when the data moves by the numerator of the stride.
 */
export interface Step {
  readonly start: Ratio;
  readonly stride: Ratio;
  readonly extent: Ratio;
  /** Some cell reads beyond the edge of the data: zeros, repeated edges, nothing. */
  readonly pads: boolean;
  /** Some cell does at another length, if not at this one. */
  readonly mayPad?: boolean | undefined;
  /** `start` is counted from the far end, so that it moves when the data gets longer. */
  readonly fromEnd?: boolean | undefined;
  /** `start` is the same for lengths that leave the same rest by this number. */
  readonly congruent?: number | undefined;
  /** Where cells look depends on the size in a way that no rest tells; continues "it ...". */
  readonly depends?: string | undefined;
}

/** What an element of the result takes from the data along one axis. */
export type Reads =
  /** What is at the same place. */
  | { readonly kind: 'point' }
  | { readonly kind: 'window'; readonly step: Step }
  /** Everything along the axis, in a way that has a meaning at every length: means, norms, softmax. */
  | { readonly kind: 'together' }
  /** Everything along the axis, by weights: the axis of the result counts something else. */
  | { readonly kind: 'filters' }
  /** One place after the other, so that it matters where a place is. */
  | { readonly kind: 'in order'; readonly why: string }
  /** Places that are told by their number. */
  | { readonly kind: 'picks'; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string };

/** How the axes of the result follow from those of the inputs. */
export type Form =
  /** Inputs broadcast against each other. */
  | 'each'
  /** The axes of the first input, in its order. */
  | 'same'
  /** Those of the first input without, or with one cell along, the axes that are reduced. */
  | 'reduced'
  /** The same numbers in the same order in another shape. */
  | 'view'
  | 'transposed'
  | 'joined'
  | 'spread'
  | 'gathered'
  | 'product'
  /** A sequence and its last state, in directions: [sequence, directions, batch, hidden]. */
  | 'recurrent'
  /** Numbers that tell the size of a value. */
  | 'sizes'
  /** One number everywhere, as long as an input says. */
  | 'constant'
  /** Numbers that tell where places are: coordinates, indices, masks by position. */
  | 'places'
  | 'unknown';

export interface Operator {
  readonly form: Form;
  /** Along axis `axis` of the first input. */
  readonly reads: (node: Node, axis: number) => Reads;
  /** The same in words, for docs/operators.md. */
  readonly says: string;
  /** Slots of the inputs that tell lengths, axes and places. All others are data and weights. */
  readonly settings: readonly number[];
  /** Slots that hold trained numbers, even when they have a single element; undefined: constants of several numbers in any slot may be trained. */
  readonly weights?: readonly number[] | undefined;
}

export const POINT: Reads = { kind: 'point' };
export const TOGETHER: Reads = { kind: 'together' };
export const FILTERS: Reads = { kind: 'filters' };

const atPoint = (): Reads => POINT;

/** Slots by what they hold. */
interface Slots {
  readonly settings?: readonly number[];
  readonly weights?: readonly number[];
}

const SAYS: Partial<Readonly<Record<Form, string>>> = {
  sizes: 'a size',
  places: 'nothing: it tells where places are',
  constant: 'nothing',
  view: 'the same numbers, in order',
  transposed: 'the same place, axes in another order',
};

/** An operator whose result is at the places of its data. */
export const pointwise = (form: Form, { settings = [], weights }: Slots = {}): Operator => ({
  form,
  reads: atPoint,
  says: SAYS[form] ?? 'the same place',
  settings,
  weights,
});

export const operator = (form: Form, says: string, reads: Operator['reads'], { settings = [], weights }: Slots = {}): Operator => ({
  form,
  reads,
  says,
  settings,
  weights,
});

/** It is not known how the result moves with the image. `why` continues "it ...". */
export const unknown = (why = 'moves with the image in a way that is not known', { settings = [], weights }: Slots = {}): Operator => ({
  form: 'unknown',
  reads: () => ({ kind: 'unknown', why }),
  says: `not known: it ${why}`,
  settings,
  weights,
});

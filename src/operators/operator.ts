/**
 * Facts about an operator. `reads` alone determines receptive fields, strides, contracts and whether a network can slide:
 * src/analysis/motion folds it over the graph. Anything unknown is declared as `unknown`, and a conversion then refuses the operator by name.
 */
import type { Ratio } from '../ir/ratio';
import type { Dim, Node } from '../ir/types';
import type { Notation } from './notation';
import type { OnIntegers } from './on-integers';

/**
 * A window along one axis: cell i of the result reads cells  start + i * stride ... start + i * stride + extent - 1  of the data.
 *
 * All values are exact. A negative `stride` runs backwards. A stride of 1/2 repeats each cell twice; `start` and `extent` then cover the widest window of
 * all cells. The result repeats when the data moves by the numerator of the stride.
 */
export interface Step {
  readonly start: Ratio;
  readonly stride: Ratio;
  readonly extent: Ratio;
  /** Some cell reads beyond the edge of the data (zeros, repeated edges or nothing). */
  readonly pads: boolean;
  /** Some cell reads beyond the edge at another length, if not at this one. */
  readonly mayPad?: boolean | undefined;
  /** `start` is counted from the far end, so it moves as the data gets longer. */
  readonly fromEnd?: boolean | undefined;
  /** `start` is the same for all lengths with the same remainder modulo this number. */
  readonly congruent?: number | undefined;
  /** Window positions depend on the size in a way that no remainder captures; completes "it ...". */
  readonly depends?: string | undefined;
}

/** Part of the data that an element of the result reads along one axis. */
export type Reads =
  /** The element at the same position. */
  | { readonly kind: 'point' }
  | { readonly kind: 'window'; readonly step: Step }
  /** Everything along the axis, in a way that is meaningful at any length: means, norms, softmax. */
  | { readonly kind: 'together' }
  /** Everything along the axis, weighted by filters; the axis of the result counts filters instead. */
  | { readonly kind: 'filters' }
  /** One position after another, so the result depends on where a position is. */
  | { readonly kind: 'in order'; readonly why: string }
  /** Positions given by index. */
  | { readonly kind: 'picks'; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string };

/** Relation of the result's axes to those of the inputs. */
export type Form =
  /** Inputs broadcast against each other. */
  | 'each'
  /** The axes of the first input, in its order. */
  | 'same'
  /** The axes of the first input, with the reduced ones removed or of length one. */
  | 'reduced'
  /** The same values in the same order, in another shape. */
  | 'view'
  | 'transposed'
  | 'joined'
  | 'spread'
  | 'gathered'
  | 'product'
  /** A sequence and its final state, per direction: [sequence, directions, batch, hidden]. */
  | 'recurrent'
  /** Values that report the size of a value. */
  | 'sizes'
  /** A single value repeated everywhere, in a shape given by an input. */
  | 'constant'
  /** Values that give positions: coordinates, indices, masks by position. */
  | 'places'
  | 'unknown';

/** Purpose of an operator: its colour in `inspect`, and its group in reports. */
export type Family = 'conv' | 'linear' | 'activation' | 'pool' | 'norm' | 'view' | 'arithmetic' | 'other';

/** Number of elements of a value with these axes; undefined if a length is unknown. */
export type Count = (dims: readonly Dim[] | undefined) => number | undefined;
/** Multiply-adds of one run of a node; undefined if they are unknown. */
export type MultiplyAdds = (node: Node, count: Count) => number | undefined;

/**
 * Sums that grow with the map, which verification computes in double precision (src/verify/exact-sums.ts): over the axes of a reduction, the mean of a map
 * or of windows, or the statistics of a norm.
 */
export type LongSums =
  | 'reduced'
  | 'mean of map'
  | 'mean of windows'
  | 'per channel'
  | 'per group'
  | 'over last axes'
  | 'squares over last axes';

export interface Operator {
  readonly form: Form;
  /** Reads along axis `axis` of the first input. */
  readonly reads: (node: Node, axis: number) => Reads;
  /** The same in words, for docs/operators.md. */
  readonly says: string;
  /** Input slots that hold lengths, axes and positions. All other slots hold data or weights. */
  readonly settings: readonly number[];
  /** Slots that hold trained values, even with a single element; if undefined, a constant with several values in any slot may be trained. */
  readonly weights?: readonly number[] | undefined;
  readonly family: Family;
  /** The node as a PyTorch module; undefined if no module computes the same. */
  readonly torch?: ((node: Node) => Notation | undefined) | undefined;
  /** As papers count them: products of convolutions and matrices. */
  readonly multiplyAdds: MultiplyAdds;
  /** How large results on integers can be; undefined if they are not exact. */
  readonly onIntegers?: OnIntegers | undefined;
  /** Sums that a runtime adds up number by number; undefined if it adds nothing, or in a way that is not known. */
  readonly longSums?: LongSums | undefined;
}

export const POINT: Reads = { kind: 'point' };
export const TOGETHER: Reads = { kind: 'together' };
export const FILTERS: Reads = { kind: 'filters' };

const atPoint = (): Reads => POINT;

/** What a row says besides how the operator moves with the image. */
export type Facets = Partial<Omit<Operator, 'form' | 'reads' | 'says'>>;

const SAYS: Partial<Readonly<Record<Form, string>>> = {
  sizes: 'a size',
  places: 'nothing: it tells where places are',
  constant: 'nothing',
  view: 'the same numbers, in order',
  transposed: 'the same place, axes in another order',
};

const NO_PRODUCTS: MultiplyAdds = () => 0;

export const operator = (form: Form, says: string, reads: Operator['reads'], facets: Facets = {}): Operator => ({
  form,
  reads,
  says,
  settings: [],
  family: 'other',
  multiplyAdds: NO_PRODUCTS,
  ...facets,
});

/** An operator whose result has the positions of its data. */
export const pointwise = (form: Form, facets: Facets = {}): Operator => operator(form, SAYS[form] ?? 'the same place', atPoint, facets);

/** An operator for which it is unknown how the result moves with the image. `why` completes "it ...". */
export const unknown = (why = 'moves with the image in a way that is not known', facets: Facets = {}): Operator =>
  operator('unknown', `not known: it ${why}`, () => ({ kind: 'unknown', why }), facets);

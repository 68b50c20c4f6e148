/**
 * One of two models under comparison, as far as it can be looked into: an ONNX model here, one of another runtime elsewhere.
 */
import type { Graph } from '../../ir/graph';
import type { Model } from '../../ir/model';
import type { Node, Value } from '../../ir/types';
import type { Bench } from '../bench';
import type { Numbers } from '../onnx-runner';
import type { Results } from '../results';
import { type Counterparts, counterparts } from './counterparts';
import { probe } from './probe';

export type Feeds = ReadonlyMap<string, Numbers>;

/** Numbers beyond it are cut off. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** What is compared with the original. */
export interface Side {
  readonly graph: Graph;
  /** Which of its values stand for which of the original's. */
  counterparts(original: Graph): Counterparts;
  /** Under which name of the original a value goes, if it does by name. */
  nameOf(value: Value): string | undefined;
  /** Some of its values, by their names; in the axes of the original where these are known. One session, released afterwards. */
  probe(values: readonly Value[], feeds: Feeds): Promise<Results>;
  /** The same with sums in another order: what rounding alone may do in a runtime of its own. */
  readonly probeReordered?: ((values: readonly Value[], feeds: Feeds) => Promise<Results>) | undefined;
  /** Which values hold numbers that can be looked at. Default: those in floating point. */
  readonly isProbeable?: ((value: Value) => boolean) | undefined;
  /** Where values are rounded to steps: the error (errorOf) beyond which one departs, in place of what noise explains. */
  readonly mostError?: number | undefined;
  /** Of a value in integers: the range that it is cut off at, where that is known, and the node that computes it. */
  readonly quantisedBy?: ((value: Value) => { readonly node: Node | undefined; readonly range: Range | undefined } | undefined) | undefined;
  /** The value that is this output. */
  output(name: string): Value | undefined;
  /** Brings a value to the axes of the original's, where they are not known. undefined: they cannot be compared. Default: as the sizes say. */
  readonly arrange?: ((found: Numbers, wanted: Numbers, value: Value) => Numbers | undefined) | undefined;
}

export const onnxSide = (bench: Bench, model: Model): Side => ({
  graph: model.graph,
  counterparts: (original) => counterparts(original, model.graph),
  nameOf: ({ name }) => name,
  probe: (values, feeds) => probe(bench, model, values, feeds, 'a part of the converted model'),
  output: (name) => model.graph.outputs.find((output) => output.name === name),
});

/** Access to the internal values of one of two compared models. ONNX models are handled here, other runtimes elsewhere. */
import type { Graph } from '../../ir/graph';
import type { Model } from '../../ir/model';
import type { Node, Value } from '../../ir/types';
import type { Bench } from '../bench';
import type { Numbers } from '../onnx-runner';
import type { Results } from '../results';
import { type Counterparts, counterparts } from './counterparts';
import { probe } from './probe';

export type Feeds = ReadonlyMap<string, Numbers>;

/** Clipping range of a quantised value. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** The model that is compared with the original. */
export interface Side {
  readonly graph: Graph;
  /** Maps its values to the corresponding values of the original. */
  counterparts(original: Graph): Counterparts;
  /** Name of the corresponding value in the original, if the correspondence is by name. */
  nameOf(value: Value): string | undefined;
  /** Computes some of its values, by name, in the axis order of the original where known. Opens one session and releases it. */
  probe(values: readonly Value[], feeds: Feeds): Promise<Results>;
  /** The same with sums in a different order: shows the effect of rounding alone in a runtime of its own. */
  readonly probeReordered?: ((values: readonly Value[], feeds: Feeds) => Promise<Results>) | undefined;
  /** True for values that can be read. Default: floating-point values. */
  readonly isProbeable?: ((value: Value) => boolean) | undefined;
  /** For quantised values: the error (errorOf) beyond which a value departs, instead of the measured noise. */
  readonly mostError?: number | undefined;
  /** For a quantised value: its clipping range, if known, and the node that computes it. */
  readonly quantisedBy?: ((value: Value) => { readonly node: Node | undefined; readonly range: Range | undefined } | undefined) | undefined;
  /** The value of the output with this name. */
  output(name: string): Value | undefined;
  /**
   * Permutes a value to the axis order of the original, if that is not known. undefined: the values cannot be compared. Default: derived from the
   * sizes.
   */
  readonly arrange?: ((found: Numbers, wanted: Numbers, value: Value) => Numbers | undefined) | undefined;
}

export const onnxSide = (bench: Bench, model: Model): Side => ({
  graph: model.graph,
  counterparts: (original) => counterparts(original, model.graph),
  nameOf: ({ name }) => name,
  probe: (values, feeds) => probe(bench, model, values, feeds, 'a part of the converted model'),
  output: (name) => model.graph.outputs.find((output) => output.name === name),
});

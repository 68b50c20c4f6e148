/** The converted model on integers, in whichever runtime it uses. A new one is made for each round. */
import type { Graph } from '../../ir/graph';
import type { Model } from '../../ir/model';
import type { Value } from '../../ir/types';
import type { Bench } from '../bench';
import { type Counterparts, counterparts } from '../locate/counterparts';
import { isProbeable, probeEach } from '../locate/probe';
import type { Feeds } from '../locate/side';
import type { Results } from '../results';
import { exactness, LARGEST_INPUT, type Reducer, type Stop } from './bounds';
import { insertReducers } from './reduce';
import { integerCounterpart, printsOf, type Substituted } from './substitute';

export interface IntegerSide {
  readonly graph: Graph;
  /** Maps its readable values to those of the original on integers. */
  readonly pairs: Counterparts;
  /** Weights whose values differ from those that the conversion produces. */
  readonly altered: readonly string[];
  /** Determines how far the model can be run exactly, if the counterparts of the original's values are reduced in the same way. */
  exactness(reducerOf: (source: Value) => Reducer | undefined): Exact;
  /** Reduces these values for all their readers from now on. */
  insert(reducers: ReadonlyMap<Value, Reducer>): void;
  /** Computes these values, by name, for each of the given inputs. Opens one session and releases it. */
  run(values: readonly Value[], feeds: readonly Feeds[]): Promise<readonly Results[]>;
}

export interface Exact {
  readonly isExact: (value: Value) => boolean;
  readonly stops: readonly Stop[];
}

/** Takes the original with the integers of a seed. */
export type MakeSide = (left: Substituted, seed: number, bench: Bench) => IntegerSide;

/** For an ONNX model. `again` repeats the conversion; it returns undefined if the model is not a conversion or the conversion is refused. */
export function onnxIntegers(original: Model, converted: Model, again: (model: Model) => Model | undefined): MakeSide {
  const real = again(original);
  const prints = printsOf(original, converted);
  return (left, seed, bench) => {
    const integers = real && again(left.model);
    const right = integerCounterpart({ original, converted, again: real && integers ? { real, integers } : undefined, prints, seed });
    const { model, altered } = right;
    const pairs = new Map([...counterparts(left.model.graph, model.graph)].filter(([to, from]) => isProbeable(to) && isProbeable(from)));
    return {
      graph: model.graph,
      pairs,
      altered,
      exactness(reducerOf) {
        const { bounds, stops } = exactness(model.graph, {
          input: LARGEST_INPUT,
          ...right,
          reducer(value) {
            const source = pairs.get(value);
            return source && reducerOf(source);
          },
        });
        return { isExact: (value) => bounds.has(value), stops };
      },
      insert: (reducers) => insertReducers(model, reducers),
      run: (values, feeds) => probeEach(bench, model, values, feeds, 'the converted model on integers'),
    };
  };
}

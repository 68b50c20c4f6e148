/** The converted model on integers, whatever runs it. One is made for each round. */
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
  /** Its values that can be looked at, to those of the original on integers. */
  readonly pairs: Counterparts;
  /** Weights with other numbers than the conversion gives them. */
  readonly altered: readonly string[];
  /** How far it can be run exactly, if what stands for a value of the original is reduced as that is. */
  exactness(reducerOf: (source: Value) => Reducer | undefined): Exact;
  /** Readers of these values read them reduced from now on. */
  insert(reducers: ReadonlyMap<Value, Reducer>): void;
  /** These values, by their names, for each of some inputs. One session, released afterwards. */
  run(values: readonly Value[], feeds: readonly Feeds[]): Promise<readonly Results[]>;
}

export interface Exact {
  readonly isExact: (value: Value) => boolean;
  readonly stops: readonly Stop[];
}

/** Given the original on the integers of a seed. */
export type MakeSide = (left: Substituted, seed: number, bench: Bench) => IntegerSide;

/** Of an ONNX model. `again` does the conversion anew; undefined: it is none, or cannot be done. */
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

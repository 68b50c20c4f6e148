/** Keeps the values of a model small by reducing chosen values, the same ones in both models. */
import { attributes } from '../../ir/attrs';
import type { Model } from '../../ir/model';
import { fromNumbers } from '../../ir/tensor';
import type { Value } from '../../ir/types';
import { halfPart, MODULUS, type Reducer } from './bounds';

/** Makes all readers of each value read the reduced one; graph outputs stay unchanged. Modifies the model. */
export function insertReducers({ graph }: Model, reducers: ReadonlyMap<Value, Reducer>): void {
  for (const [value, reducer] of reducers) {
    const readers = [...value.uses];
    if (readers.length === 0) continue;
    const number = (of: number): Value => graph.addConstant('exact', fromNumbers('float', [], [of]));
    const make = (op: string, inputs: readonly Value[], attrs = {}): Value | undefined =>
      graph.addNode({ op, inputs, attrs: attributes(attrs), outputTypes: [value.type], name: `exact_${op}` }).outputs[0];
    let reduced: Value | undefined;
    if (reducer.kind === 'modulo') reduced = make('Mod', [value, number(MODULUS)], { fmod: 1 });
    else {
      const raised = make('Add', [value, number(halfPart(reducer.cells))]);
      reduced = raised && make('Floor', [raised]);
    }
    if (reduced) for (const { user, slot } of readers) graph.replaceInput(user, slot, reduced);
  }
  graph.sort();
}

/**
 * What float16 must cost: the float32 model with every weight, and every value that float16 can hold, rounded to float16 and back. A float16 form of the
 * model that loses much more than that is wrong.
 */

import { attributes } from '../ir/attrs';
import { dtypeNumber } from '../ir/dtypes';
import { halfToNumber, toHalves } from '../ir/half';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import { computedTensor, elementCount, readNumbers } from '../ir/tensor';
import type { ConstValue, Value } from '../ir/types';
import type { Bench } from './bench';
import type { Numbers } from './onnx-runner';
import { measureRanges } from './ranges';
import { each, mapValues, type Results } from './results';
import type { Sample } from './samples';

/** ONNX type codes. */
const [FLOAT, FLOAT16] = [dtypeNumber('float'), dtypeNumber('float16')];
/** Beyond, float16 is infinite. */
const LARGEST = 65504;
/** A float16 form may lose up to this multiple of what rounding alone costs: float16 sums lose more than their rounded results, and errors add up. */
export const HALF_FACTOR = 4;
/** Smallest loss that is allowed, as a share of the largest value: two units in the last place of float16. */
export const HALF_FLOOR = 2 ** -9;

/** Runs the float32 model on all samples with everything rounded to float16. `model`: its shapes must be inferred. */
export async function runRounded(bench: Bench, model: Model, samples: readonly Sample[]): Promise<readonly Results[]> {
  const ranges = await measureRanges(bench, model, samples);
  const rounded = roundedToHalf(model, ranges);
  return bench.within(bench.place(rounded, 'rounded'), 'the converted model, rounded to float16', {}, (session) =>
    each(samples, ({ feeds }) => session.run(mapValues(feeds, halfNumbers))),
  );
}

export function roundedToHalf(of: Model, ranges: ReadonlyMap<string, number>): Model {
  const model = of.clone();
  const { graph } = model;
  for (const constant of [...graph.constants]) {
    if (constant.constant.dtype !== 'float' || constant.uses.length === 0 || graph.isOutput(constant)) continue;
    graph.replaceAllUses(constant, graph.addConstant(`${constant.name}_rounded`, roundedConstant(constant)));
  }
  for (const value of graph.nodes.flatMap(({ outputs }) => outputs)) {
    if (value.type?.dtype !== 'float' || !((ranges.get(value.name) ?? Number.POSITIVE_INFINITY) <= LARGEST)) continue;
    const half = graph.addNode({ op: 'Cast', inputs: [value], attrs: attributes({ to: FLOAT16 }) }).outputs[0];
    const back = graph.addNode({ op: 'Cast', inputs: [half], attrs: attributes({ to: FLOAT }) }).outputs[0];
    if (back) redirect(model, value, back, half);
  }
  graph.sort();
  inferShapes(model);
  return model;
}

/** All readers of the value but its own cast read the other one. */
function redirect({ graph }: Model, value: Value, to: Value, own: Value | undefined): void {
  for (const { user, slot } of [...value.uses]) if (user !== own?.producer) user.graph.replaceInput(user, slot, to);
  if (!graph.isOutput(value)) return;
  const { name } = value;
  graph.setOutputs(graph.outputs.map((output) => (output === value ? to : output)));
  graph.rename(value, `${name}_exact`);
  graph.rename(to, name);
}

function roundedConstant({ constant }: ConstValue): ConstValue['constant'] {
  const numbers = (): Float64Array =>
    readNumbers(constant).map((number) => (Math.abs(number) <= LARGEST ? halfToNumber(toHalves([number])[0] ?? 0) : number));
  return elementCount(constant.shape) === 0 ? constant : computedTensor('float', constant.shape, numbers);
}

const halfNumbers = (numbers: Numbers): Numbers =>
  numbers.dtype === 'float' ? { ...numbers, data: Float32Array.from(toHalves(numbers.data), halfToNumber) } : numbers;

/**
 * Interprets the quantisers of an integer copy of a float network, to compare the two.
 *
 *   y = QuantizeLinear(x, scale, zero)        x in [(least - zero) * scale, (most - zero) * scale], in steps of scale
 *
 * Such a copy never has exactly the original's values; the remaining difference is the cost of quantisation. Three things follow for a comparison:
 * - An input that is quantised immediately has a range for which the copy was calibrated. Random inputs are scaled into it, because the copy clips
 *   everything outside.
 * - A quantiser whose range begins at 0 includes the ReLU of the original. Quantisation tools drop that node and give its name to the input of the
 *   quantiser; so values are compared after their quantiser, and never before one.
 * - Values are rounded to steps: the size of the difference decides whether a value departs, not the noise of floating point.
 */

import type { Graph } from '../../ir/graph';
import { formOf } from '../../ir/integer-forms';
import { meaningOf } from '../../ir/integer-operators';
import { isNode, producedBy } from '../../ir/match';
import type { Model } from '../../ir/model';
import { readNumbers } from '../../ir/tensor';
import { isConst, type Node, type Value } from '../../ir/types';
import type { Bench } from '../bench';
import { type Counterparts, counterparts } from '../locate/counterparts';
import { isProbeable, probe } from '../locate/probe';
import { onnxSide, type Range, type Side } from '../locate/side';
import type { Numbers } from '../onnx-runner';
import type { QuantisedReport } from '../report';
import type { Sample } from '../samples';
import type { PortMatch } from './ports';

/** Method of computation: between quantisers, in integer operators, with scales computed at run time, or with only the weights as integers. */
type Kind = QuantisedReport['kind'];

export interface QuantisedCopy {
  readonly kind: Kind;
  /** By the names of the copy's inputs. */
  readonly ranges: ReadonlyMap<string, Range>;
}

/** Largest difference from the original, as a share of a value's size (errorOf), that 8-bit integers explain. */
export const MOST_ERROR = 0.2;

/** Returns undefined if the original is quantised too, or the copy has no quantisers. */
export function quantisedCopy(original: Graph, copy: Graph): QuantisedCopy | undefined {
  if (kindOf(original) !== undefined) return undefined;
  const kind = kindOf(copy);
  return kind && { kind, ranges: rangesOf(copy) };
}

function kindOf({ nodes }: Graph): Kind | undefined {
  const some = (is: (node: Node) => boolean): boolean => nodes.some(is);
  if (some(({ op }) => op === 'DynamicQuantizeLinear' || op === 'MatMulInteger' || op === 'ConvInteger')) return 'dynamic';
  if (some((node) => meaningOf(node) !== node.op)) return 'integers';
  if (some(({ op, inputs }) => op === 'QuantizeLinear' && !isConst(inputs[0]))) return 'QDQ';
  return some(({ op, inputs }) => op === 'DequantizeLinear' && isConst(inputs[0])) ? 'weights' : undefined;
}

function rangesOf({ inputs, nodes }: Graph): ReadonlyMap<string, Range> {
  const ranges = new Map<string, Range>();
  for (const input of inputs) {
    const readers = nodes.filter((node) => node.inputs.includes(input));
    const own = readers.map((node) => (isNode(node, 'QuantizeLinear') ? rangeOf(stepsOf(node)) : undefined));
    const [first] = own;
    if (first && own.every((range) => range?.low === first.low && range.high === first.high)) ranges.set(input.name, first);
  }
  return ranges;
}

interface Steps {
  readonly scale: number;
  readonly zero: number;
  readonly dtype: string;
}

/** Steps of the result of a quantiser or an integer operator; undefined if its scale is not constant, or given per channel. */
function stepsOf(node: Node): Steps | undefined {
  const [scale, zero] = isNode(node, 'QuantizeLinear') ? node.inputs.slice(1) : [formOf(node)?.scale, formOf(node)?.zero];
  if (!isConst(scale) || (zero !== undefined && !isConst(zero))) return undefined;
  const [scales, zeros] = [readNumbers(scale.constant), zero ? readNumbers(zero.constant) : [0]];
  if (scales.length !== 1 || scales[0] === undefined || zeros[0] === undefined) return undefined;
  return { scale: scales[0], zero: zeros[0], dtype: zero?.constant.dtype ?? node.outputs[0]?.type?.dtype ?? 'uint8' };
}

function rangeOf(steps: Steps | undefined): Range | undefined {
  const [, sign, bits] = /^(u?)int(4|8|16)$/.exec(steps?.dtype ?? '') ?? [];
  if (!steps || bits === undefined) return undefined;
  const count = 2 ** Number(bits);
  const least = sign === 'u' ? 0 : -count / 2;
  return { low: (least - steps.zero) * steps.scale, high: (least + count - 1 - steps.zero) * steps.scale };
}

/** Scales samples with values outside the range into it. */
export function broughtInto(samples: readonly Sample[], ranges: ReadonlyMap<string, Range>): readonly Sample[] {
  return samples.map((sample) => ({
    ...sample,
    feeds: new Map(
      [...sample.feeds].map(([name, numbers]): [string, Numbers] => {
        const range = ranges.get(name);
        return [name, range ? stretched(numbers, range) : numbers];
      }),
    ),
  }));
}

function stretched(numbers: Numbers, { low, high }: Range): Numbers {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const number of numbers.data) [least, most] = [Math.min(least, number), Math.max(most, number)];
  if (least >= low && most <= high) return numbers;
  const share = most > least ? (high - low) / (most - least) : 0;
  return { ...numbers, data: numbers.data.map((number) => Math.min(high, Math.max(low, low + (number - least) * share))) };
}

/** By the original's input names. */
export const rangesOfOriginal = (copy: QuantisedCopy, inputs: readonly PortMatch[]): ReadonlyMap<string, Range> =>
  new Map(
    inputs.flatMap(({ original, converted }): [string, Range][] => {
      const range = copy.ranges.get(converted);
      return range ? [[original, range]] : [];
    }),
  );

/** For the report: the clipping range of each input, and the share of its values outside that range. */
export function quantisedReport(copy: QuantisedCopy, inputs: readonly PortMatch[], samples: readonly Sample[]): QuantisedReport {
  return {
    kind: copy.kind,
    ranges: [...rangesOfOriginal(copy, inputs)].map(([input, { low, high }]) => {
      const slack = 1e-6 * (high - low);
      let [count, outside] = [0, 0];
      for (const { feeds } of samples)
        for (const number of feeds.get(input)?.data ?? []) {
          count++;
          if (number < low - slack || number > high + slack) outside++;
        }
      return { input, low, high, outside: count > 0 ? outside / count : 0 };
    }),
  };
}

/** Access to the internal values of the copy: its integer values are dequantised and matched with those of the original. */
export function quantisedSide(bench: Bench, model: Model): Side {
  const integers = new Map<Value, Steps>();
  const held = new Map<Value, Value>();
  for (const node of model.graph.nodes) {
    const [output] = node.outputs;
    const steps = stepsOf(node);
    if (!output || !steps) continue;
    integers.set(output, steps);
    const [input] = node.inputs;
    if (isNode(node, 'QuantizeLinear') && input) held.set(input, output);
  }
  const ordinary = onnxSide(bench, model);
  return {
    ...ordinary,
    counterparts: (original) => behindQuantisers(original, model.graph, integers, held),
    isProbeable: (value) => integers.has(value) || isProbeable(value),
    mostError: MOST_ERROR,
    quantisedBy(value) {
      const steps = integers.get(value);
      const { producer } = value;
      return steps && { node: producedBy(value, 'QuantizeLinear')?.inputs[0]?.producer ?? producer, range: rangeOf(steps) };
    },
    async probe(values, feeds) {
      const found = await probe(bench, model, values, feeds, 'a part of the converted model');
      const steps = new Map([...integers].map(([value, own]) => [value.name, own]));
      return new Map(
        [...found].map(([name, numbers]): [string, Numbers] => {
          const own = steps.get(name);
          return [name, own ? meant(numbers, own) : numbers];
        }),
      );
    },
  };
}

const meant = (numbers: Numbers, { scale, zero }: Steps): Numbers => ({
  dtype: 'float',
  shape: numbers.shape,
  data: Float64Array.from(numbers.data, (number) => (number - zero) * scale),
});

/** Matches values by name, except that the output of a quantiser is used in place of its input. */
function behindQuantisers(
  original: Graph,
  copy: Graph,
  integers: ReadonlyMap<Value, Steps>,
  held: ReadonlyMap<Value, Value>,
): Counterparts {
  const computed = new Map(original.nodes.flatMap((node) => node.outputs).map((value) => [value.name, value]));
  const pairs = new Map(counterparts(original, copy));
  for (const [value, quantised] of held) {
    const source = pairs.get(value) ?? computed.get(stemOf(value.name));
    pairs.delete(value);
    if (source) pairs.set(quantised, source);
  }
  for (const value of integers.keys()) {
    const source = computed.get(stemOf(value.name));
    if (source && !pairs.has(value)) pairs.set(value, source);
  }
  for (const [value, source] of pairs) {
    const steps = integers.get(value);
    if (steps) pairs.set(value, behindActivation(source, rangeOf(steps)));
  }
  return pairs;
}

/** A value of the original, or its ReLU (or Clip) if the range of the copy begins at 0: the quantiser then includes that node. */
function behindActivation(source: Value, range: Range | undefined): Value {
  const [use, more] = source.uses;
  const output = use?.user.outputs[0];
  const isHeld = range?.low === 0 && !more && output && isNode(use.user, 'Relu', 'Clip');
  return isHeld ? output : source;
}

/** ONNX Runtime's quantiser appends these suffixes to the name of the original value. */
const stemOf = (name: string): string => name.replace(/_(?:QuantizeLinear_Input|QuantizeLinear_Output|quantized)$/, '');

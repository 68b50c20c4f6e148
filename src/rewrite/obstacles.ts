/** Finds what prevents a conversion, for its error message: refusals of rules first, otherwise the node at fault. */

import type { Location } from '../diagnostics/compile-error';
import { AxisRoles, hasMapRank, imageInputs, slidingLetters } from '../ir/axis-roles';
import { meaningOf } from '../ir/integer-operators';
import { isNode } from '../ir/match';
import { isIntegerOp } from '../ir/operator-traits';
import { isFloatType } from '../ir/tensor';
import type { Node, Value } from '../ir/types';
import { asProduct } from '../operators/layers';
import type { Remark } from './pass';

/** Rule name of remarks about pixel counts that an exporter wrote into the model. */
export const BAKED_SIZE = 'baked-size';
/** Rule name of remarks about lengths that agree at the original size only. If a network was not converted, this is a consequence, not a reason. */
export const UNEQUAL_SIZES = 'unequal-sizes';

export interface Obstacle {
  /** Most informative reason first. */
  readonly reasons: readonly string[];
  readonly at: Location;
}

/**
 * Finds why an output, `before` in the original, did not become a map. Refusals of the passes named in `first` come first: the others only explain
 * why other rules were considered and did not apply.
 */
export function obstacle(output: Value, before: Value | undefined, remarks: readonly Remark[], first: ReadonlySet<string>): Obstacle {
  const { blocker, reader } = firstFixed(output);
  const refused = remarks
    .filter(({ kind, rule }) => kind === 'refused' && rule !== UNEQUAL_SIZES)
    .sort((a, b) => weight(b, first) - weight(a, first));
  // Rules that did not even refuse have at best nearly matched: report that only if there is nothing else.
  const near = remarks.filter(({ kind, pass, at }) => kind === 'near-miss' && first.has(pass) && at.node === reader?.name);
  const reasons = distinct([...namedReasons(before ?? output), ...(refused.length > 0 ? refused : near).map(told)]);
  return {
    reasons: reasons.length > 0 ? reasons : [describe(blocker, reader)],
    at: blocker ? { node: blocker.name, op: blocker.op, origin: blocker.origin } : { value: output.name },
  };
}

/** Refusals of the conversion itself say most, then whatever keeps the map from growing; failed folding explains nothing. */
const weight = ({ pass, rule }: Remark, first: ReadonlySet<string>): number => (first.has(pass) ? 2 : rule === BAKED_SIZE ? 1 : 0);

/** Reasons from nodes that are obstacles by themselves, whatever rules report about their neighbours. */
function namedReasons(output: Value): string[] {
  const integers: Node[] = [];
  const labels: Node[] = [];
  const others: Node[] = [];
  const seen = new Set<Value>([output]);
  for (const value of seen) {
    const { producer } = value;
    if (!producer) continue;
    if (isIntegerOp(producer.opType) && meaningOf(producer) === producer.op) integers.push(producer);
    else if (producer.domain === 'ai.onnx.ml') labels.push(producer);
    else if (producer.domain.startsWith('com.microsoft') && meaningOf(producer) === producer.op) others.push(producer);
    for (const input of producer.inputs) if (input) seen.add(input);
  }
  const [integer, label, other] = [integers.at(-1), labels.at(-1), others.at(-1)];
  return [
    ...(label
      ? [`${label.op} '${label.name}': it makes labels or a dictionary of scores, which is not a map of numbers (${cutAt(label)})`]
      : []),
    ...(other
      ? [
          `${other.op} '${other.name}': no rule is known for operators of '${other.domain}': export the network without the optimisations of a runtime`,
        ]
      : []),
    ...(integer
      ? [
          `${integer.op} '${integer.name}': it computes in integers, on scales made for the original: convert the network before it is quantised, or quantise it with QuantizeLinear and DequantizeLinear (QDQ)`,
        ]
      : []),
  ];
}

/** Suggests the scores from which the labels are computed as outputs instead. */
function cutAt(label: Node): string {
  let at = dataOf(label);
  while (at?.producer && !isFloatType(at.type?.dtype ?? 'string')) at = dataOf(at.producer);
  return at?.producer ? `--outputs ${at.name} gives the scores` : 'nothing in front of it is scores';
}

/**
 * Finds why a fully connected layer was not converted: refusals of rules of the passes named in `preparing`, at the layer or between it and
 * the map in front of it. Also returns an output that depends on the layer.
 */
export function whyNoConvolution(
  layer: Node,
  remarks: readonly Remark[],
  preparing: ReadonlySet<string>,
): { readonly output: Value | undefined; readonly reasons: readonly string[] } {
  if (!asProduct(layer)) return { output: undefined, reasons: [] };
  const onTheWay = new Set<string>();
  for (let at: Node | undefined = layer; at; at = dataOf(at)?.producer) {
    onTheWay.add(at.name);
    if (hasMapRank(dataOf(at), at.graph)) break;
  }
  const refused = remarks.filter(
    ({ kind, pass, at }) => kind === 'refused' && preparing.has(pass) && at.node !== undefined && onTheWay.has(at.node),
  );
  return { output: outputBehind(layer), reasons: distinct(refused.map(told)) };
}

export const growing = (output: Value | undefined): boolean => {
  const shape = output?.type?.shape;
  const graph = output?.producer?.graph;
  if (!shape || !graph || !hasMapRank(output, graph)) return false;
  const growing = shape.slice(2).filter((dim) => typeof dim !== 'number');
  return growing.length === (graph.tied.size === 0 ? shape.length - 2 : slidingLetters(graph).length);
};

const told = ({ at, reason }: Remark): string => `${at.op ?? ''} '${at.node ?? at.value}': ${reason}`.trimStart();
const distinct = (texts: readonly string[]): string[] => [...new Set(texts)];
const dataOf = (node: Node): Value | undefined => node.inputs.find((input) => input !== undefined && !input.constant);

/** Walking back from the output: the last node behind which no axis grows with the image any more, and the node that reads it. */
function firstFixed(output: Value): { readonly blocker: Node | undefined; readonly reader: Node | undefined } {
  let at: Value | undefined = output;
  let [blocker, reader]: (Node | undefined)[] = [];
  while (at?.producer && !growing(at)) {
    reader = blocker;
    blocker = at.producer;
    at = dataOf(blocker);
  }
  return { blocker, reader };
}

function describe(blocker: Node | undefined, reader: Node | undefined): string {
  if (!blocker) return 'it does not depend on an image';
  if (isNode(blocker, 'Flatten') && reader) return `no rule is known that makes ${reader.op} '${reader.name}' work on a map`;
  const [input] = blocker.inputs;
  const axes = input && new AxisRoles(imageInputs(blocker.graph), blocker.graph.tied).of(input);
  return `${blocker.op} '${blocker.name}' fixes the size of what it reads${axes ? ` (axes ${axes.join(', ')})` : ''}`;
}

function outputBehind(node: Node): Value | undefined {
  const seen = new Set<Node>();
  const queue = [node];
  for (let at = queue.pop(); at; at = queue.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const found = at.outputs.find((value) => at?.graph.isOutput(value));
    if (found) return found;
    queue.push(...at.outputs.flatMap((value) => value.uses.map(({ user }) => user)));
  }
  return undefined;
}

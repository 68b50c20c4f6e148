/**
 * The part of a converted model that moves with the image, if the model as a whole does not:
 *
 *   gates       one value per channel, computed from all positions of a map (squeeze and excitation): with the gates held fixed, the rest is local
 *   head image  the mean over the predictions of all windows: the map in front of the mean moves
 *
 *   converted model            ->   the same with the outputs of its global nodes as inputs, fed with their values on one image, and the maps in front of
 *                                   the means as outputs
 *
 * The checks on shifted images apply to it as to any other network. A TensorFlow.js model cannot be cut: instead, the graph that it was emitted from
 * is cut, if available.
 */
import { contractOf } from '../analysis/contract';
import { Orientations } from '../analysis/maps/orientation';
import { meanedMap } from '../analysis/meaned-map';
import { receptiveFields } from '../analysis/receptive-field';
import { windowAxes, windowLengths } from '../compile/input-size';
import { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import { elementCount, fromNumbers } from '../ir/tensor';
import type { Value } from '../ir/types';
import { type Claim, claimsOf } from './claim';
import { headOf, trunkOf } from './cut';
import { withExactSums } from './exact-sums';
import type { Numbers, Session } from './onnx-runner';
import { only } from './results';
import { Subject } from './subject';

/** A separate subject that covers only the part that moves. */
export interface MovingPart {
  readonly subject: Subject;
  readonly claims: readonly Claim[];
  within<T>(use: (session: Session) => Promise<T>): Promise<T>;
}

/** Returns undefined if the model moves as a whole, or no part of it does. */
export function movingPart(subject: Subject): MovingPart | undefined {
  const { converted, contract, windows } = subject.request;
  const isGated = contract?.kind === 'whole-image';
  if (subject.head === 'original' || windows.length === 0 || (contract?.unknown?.length ?? 0) > 0) return undefined;
  if (!isGated && subject.head !== 'image') return undefined;
  const { graph } = converted.model;
  const maps = graph.outputs.map((output) => (subject.head === 'image' && !subject.isMap(output.name) ? meanedMap(output) : output));
  if (!maps.every((map): map is Value => map !== undefined)) return undefined;
  const unique = [...new Set(maps)];
  const cut = isGated ? cutAtGates(subject, unique) : { model: converted.model, gates: [], maps: unique };
  if (!cut) return undefined;
  const { gates } = cut;
  const model = gates.length > 0 ? headOf(cut.model, gates, cut.maps) : trunkOf(cut.model, cut.maps);
  inferShapes(model);
  turnBack(model, atWindow(subject, model));
  const held = withGatesAs0(atWindow(subject, model), gates);
  const own = contractOf(held.graph, { head: 'window' });
  if (own.kind === 'whole-image') return undefined;
  const strides = Object.fromEntries(
    graph.outputs.flatMap((output, at) => {
      const [map, declared] = [maps[at], subject.request.strides?.[output.name]];
      return map && declared ? [[map.name, declared] as const] : [];
    }),
  );
  const part = new Subject({
    ...subject.request,
    original: { ...subject.request.original, model: subject.whole },
    cuttable: undefined,
    converted: { source: '', model },
    contract: own,
    head: 'window',
    strides,
    declared: undefined,
    density: undefined,
  });
  return { subject: part, claims: claimsOf(part), within: (use) => within(subject, cut, model, use) };
}

/** Opens a session of the part, with its gates fixed at their values on one image of the original size. */
async function within<T>(subject: Subject, { gates, model: whole }: Cut, model: Model, use: (session: Session) => Promise<T>): Promise<T> {
  const { bench, request } = subject;
  const open = (held: ReadonlyMap<string, Numbers>): Promise<T> =>
    bench.within(request.place(model, 'moving'), 'the part of the converted model that moves with the image', {}, (session) =>
      use({ ...session, run: (images) => session.run(only(new Map([...images, ...held]), session.inputNames)) }),
    );
  if (gates.length === 0) return open(new Map());
  const feeds = subject.feeds('normal', subject.lengths, 1, 9);
  bench.progress('running the gates of the converted model');
  const trunk = trunkOf(whole, gates);
  return open(
    await bench.within(request.place(trunk, 'gates'), 'the gates of the converted model', {}, (session) =>
      session.run(only(feeds, session.inputNames)),
    ),
  );
}

/** A copy of the model at the original size. */
function atWindow({ request }: Subject, of: Model): Model {
  const model = of.clone();
  for (const input of model.graph.inputs) {
    const window = request.windows.find((each) => each.input === input.name);
    if (!window || !input.type?.shape) continue;
    const [axes, lengths] = [windowAxes(window), windowLengths(window)];
    const shape = input.type.shape.map((dim, axis) => lengths[axes.indexOf(axis)] ?? dim);
    model.graph.setType(input, { ...input.type, shape });
  }
  inferShapes(model);
  return model;
}

/**
 * Turns maps that run backwards, because the network mirrors the image: a mean over the windows needs no order of them, but the checks move images and
 * maps the same way. `sized`: the same model at the original size.
 */
function turnBack({ graph }: Model, sized: Model): void {
  const orientations = new Orientations(sized.graph);
  const mirrored = (value: Value | undefined): readonly number[] =>
    value
      ? orientations.letters.flatMap((letter) => (orientations.of(value)[letter] ? (orientations.axisOf(value, letter) ?? []) : []))
      : [];
  graph.setOutputs(
    graph.outputs.map((output, at) => {
      const axes = mirrored(sized.graph.outputs[at]);
      if (axes.length === 0) return output;
      const { name } = output;
      graph.rename(output, `${name}_mirrored`);
      const ints = (role: string, numbers: readonly number[]): Value =>
        graph.addConstant(`${name}_${role}`, fromNumbers('int64', [axes.length], Float64Array.from(numbers)));
      const all = (role: string, number: number): Value =>
        ints(
          role,
          axes.map(() => number),
        );
      const inputs = [output, all('last', -1), all('first', TO_THE_START), ints('axes', axes), all('step', -1)];
      const node = graph.addNode({ op: 'Slice', inputs, outputs: [name], outputTypes: [output.type], name: `${name}_turned` });
      return node.outputs[0] ?? output;
    }),
  );
}
const TO_THE_START = -(2 ** 63);

interface Cut {
  readonly model: Model;
  readonly gates: readonly Value[];
  readonly maps: readonly Value[];
}

/** The converted model with its gates. A norm over all positions has none of its own; written as means and products, it has its means. */
function cutAtGates(subject: Subject, maps: readonly Value[]): Cut | undefined {
  const { model } = subject.request.converted;
  const gates = gatesOf(subject, model, maps);
  if (gates) return { model, gates, maps };
  const written = withExactSums(model);
  const values = new Map(written?.graph.nodes.flatMap(({ outputs }) => outputs.map((output) => [output.name, output] as const)));
  const same = maps.flatMap(({ name }) => values.get(name) ?? []);
  const means = written && same.length === maps.length ? gatesOf(subject, written, same) : undefined;
  return written && means && { model: written, gates: means, maps: same };
}

/**
 * Outputs of nodes that depend on all positions, if each is one value per channel. `maps`: the values that they lead to; anything behind these is not
 * a gate.
 */
function gatesOf(subject: Subject, model: Model, maps: readonly Value[]): readonly Value[] | undefined {
  const { graph } = trunkOf(model, maps);
  const names = receptiveFields(atWindow(subject, new Model({ graph })).graph).global.flatMap(({ outputs }) => outputs[0]?.name ?? []);
  const gates = model.graph.nodes.flatMap(({ outputs: [output] }) => (output && names.includes(output.name) ? [output] : []));
  const isOne = ({ type }: Value): boolean => (type?.shape ?? [undefined, undefined]).slice(1).every((dim) => typeof dim === 'number');
  return gates.length > 0 && gates.length === names.length && gates.every((gate) => isOne(gate) && !maps.includes(gate))
    ? gates
    : undefined;
}

/** Replaces the gates with constants: the claims must hold for any values of the gates. */
function withGatesAs0(model: Model, gates: readonly Value[]): Model {
  const { graph } = model;
  for (const gate of gates) {
    const value = graph.inputs.find(({ name }) => name === gate.name);
    const shape = (gate.type?.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : 1));
    if (!value || !gate.type) continue;
    graph.replaceAllUses(
      value,
      graph.addConstant(`${gate.name}_held`, fromNumbers(gate.type.dtype, shape, new Float64Array(elementCount(shape)))),
    );
    graph.removeInput(value);
  }
  return model;
}

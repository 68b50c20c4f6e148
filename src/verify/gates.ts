/**
 * Networks whose cells depend on the whole image through gates: one number per channel, taken from all places of a map (squeeze and excitation). With the gates
 * held fixed, what is left is local: the checks on images that are moved hold for it as for any other network.
 *
 *   converted model            ->   the same with the outputs of its global nodes as inputs, fed with what they give on one image
 */
import { receptiveFields } from '../analysis/receptive-field';
import { windowAxes, windowLengths } from '../compile/input-size';
import type { CompileError } from '../diagnostics/compile-error';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import { elementCount, fromNumbers } from '../ir/tensor';
import type { Value } from '../ir/types';
import { type AxisClaim, type Claim, claimsOf } from './claim';
import { headOf, trunkOf } from './cut';
import { type Moved, patchesElsewhere, shiftedImages } from './moved';
import type { Session } from './onnx-runner';
import { asCompileError, only } from './results';
import type { Subject } from './subject';

export interface MovedWithGates {
  readonly shifted: Moved | CompileError;
  readonly patches: Moved | CompileError;
}

/** undefined: the model has no gates that can be held. */
export async function movedWithGates(subject: Subject): Promise<MovedWithGates | undefined> {
  const { converted, contract, place } = subject.request;
  if (contract?.kind !== 'whole-image' || (contract.unknown?.length ?? 0) > 0 || converted.runtime || subject.head !== 'window')
    return undefined;
  const gates = gatesOf(subject);
  const claims = gates && claimsWithGates(subject, gates);
  if (!gates || !claims) return undefined;
  const { model } = converted;
  const feeds = subject.feeds('normal', subject.lengths, 1, 9);
  subject.bench.progress('running the converted model with its gates held');
  try {
    const values = await subject.bench.within(place(trunkOf(model, gates), 'gates'), 'the gates of the converted model', {}, (session) =>
      session.run(only(feeds, session.inputNames)),
    );
    const rest = place(headOf(model, gates, model.graph.outputs), 'gated');
    return await subject.bench.within(rest, 'the converted model, its gates held,', {}, async (session) => {
      const held: Session = { ...session, run: (images) => session.run(only(new Map([...images, ...values]), session.inputNames)) };
      return {
        shifted: await shiftedImages(subject, claims, held).catch(asCompileError),
        patches: await patchesElsewhere(subject, claims, held).catch(asCompileError),
      };
    });
  } catch (error) {
    asCompileError(error);
    return undefined;
  }
}

/** The converted model at the original size. */
function atWindow({ request }: Subject): Model {
  const model = request.converted.model.clone();
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

/** The outputs of nodes that look at all places, where each is one number per channel. */
function gatesOf(subject: Subject): readonly Value[] | undefined {
  const { graph } = subject.request.converted.model;
  const names = receptiveFields(atWindow(subject).graph).global.flatMap(({ outputs }) => outputs[0]?.name ?? []);
  const gates = graph.nodes.flatMap(({ outputs: [output] }) => (output && names.includes(output.name) ? [output] : []));
  const isOne = ({ type }: Value): boolean => (type?.shape ?? [undefined, undefined]).slice(1).every((dim) => typeof dim === 'number');
  return gates.length > 0 && gates.length === names.length && gates.every((gate) => isOne(gate) && !graph.isOutput(gate))
    ? gates
    : undefined;
}

/** What its maps claim once the gates are given. undefined: they still depend on the whole image. */
function claimsWithGates(subject: Subject, gates: readonly Value[]): readonly Claim[] | undefined {
  const model = atWindow(subject);
  const { graph } = model;
  for (const gate of gates) {
    const value = graph.nodes.flatMap(({ outputs }) => outputs).find(({ name }) => name === gate.name);
    const shape = (gate.type?.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : 1));
    if (!value || !gate.type) return undefined;
    graph.replaceAllUses(
      value,
      graph.addConstant(`${gate.name}_held`, fromNumbers(gate.type.dtype, shape, new Float64Array(elementCount(shape)))),
    );
  }
  const fields = receptiveFields(graph);
  const claims = claimsOf(subject).map((claim): Claim | undefined => {
    const output = graph.outputs.find(({ name }) => name === claim.output);
    const field = output && fields.of(output);
    const axes = claim.axes.map((own): AxisClaim | undefined => {
      const along = field?.[own.name];
      if (!along || along === 'whole') return undefined;
      const start = Math.floor(along.offset);
      return { ...own, field: { start, extent: Math.ceil(along.offset + along.window) - start } };
    });
    return axes.every((own): own is AxisClaim => own !== undefined) ? { ...claim, axes } : undefined;
  });
  return claims.every((claim): claim is Claim => claim !== undefined) ? claims : undefined;
}

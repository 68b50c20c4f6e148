/**
 * The form in which a converted model is shipped: one size of image and batch (`--fix-size`, `--batch`), half precision (`--fp16`). The conversion itself comes first and is
 * verified at many sizes; the result of this step is verified against that conversion.
 *
 *   convolutionize.form     {"size":{"image":[512,512]},"batch":1,"ends":{"scores":{"softmax":true,"axis":1,"classes":1000,"places":[2,3]}}}
 *   convolutionize.outputs  scores: softmax over the classes of each cell
 */
import { fixing, type OptimisationLevel } from '../../passes';
import { batchFixed, nothingInHalf, sizeNotFixed, sizeNotTaken } from '../diagnostics/catalogue';
import { jsonIn } from '../formats/json';
import { imageInputs } from '../ir/axis-roles';
import { evaluateDim } from '../ir/dims';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import { describeFamily, type ImageSizes, nearestTaken, sizesTaken } from '../ir/sizes/taken';
import { sizesIn, type Windows } from '../ir/sizes/windows';
import { axisName, lettersIn, sizeText } from '../ir/spatial';
import { table } from '../ir/table';
import { type Dim, isConst, type Value } from '../ir/types';
import { type PassReport, PassRunner } from '../rewrite/manager';
import { type End, type Ends, endText, type Placing, putEnds } from './ends';
import { type Halved, halved } from './half';
import type { Ranges } from './half-kept';
import { resolveWindows, type SizeRequest, windowLengths } from './input-size';
import { declaredStrides } from './metadata';
import type { Compiled } from './options';
import { declareSizes } from './sizes';
import { merged, runGroup, settle } from './steps';

/** Requested form of a converted model. */
export interface FormRequest {
  /** Image size, for every image input or per input. */
  readonly size?: SizeRequest | undefined;
  /** Images per batch. Default if a size is given: 1, unless the model fixes it. */
  readonly batch?: number | undefined;
  /** Operations to add behind the scores. */
  readonly ends?: Ends | undefined;
  /** float16 inside; `ends`: also at graph inputs and outputs. Needs measured ranges: `inHalf`. */
  readonly half?: Half | undefined;
}

export interface Half {
  readonly ends: boolean;
}

/** Form of a model, as declared in its metadata. */
export interface Form {
  /** Per image input: lengths along its spatial axes, outermost first. */
  readonly size?: Windows | undefined;
  readonly batch?: number | undefined;
  /** Per output: operations behind its scores. */
  readonly ends?: Readonly<Record<string, End>> | undefined;
  /** float16 inside; `ends`: also at graph inputs and outputs. */
  readonly half?: Half | undefined;
}

export interface Formed {
  readonly model: Model;
  readonly form: Form;
  readonly passes: readonly PassReport[];
  readonly nodes: { readonly before: number; readonly after: number };
  readonly half?: HalfReport | undefined;
}

export interface HalfReport extends Pick<Halved, 'kept' | 'halves'> {
  /** Inputs that the ranges were measured on. */
  readonly measuredOn: string;
}

const FORM = 'convolutionize.form';
/** Metadata key for the description of the outputs in words. */
const ENDS = 'convolutionize.outputs';

export const asksForForm = ({ size, batch, ends, half }: FormRequest): boolean =>
  size !== undefined || batch !== undefined || half !== undefined || asksForEnds(ends);
const asksForEnds = (ends: Ends | undefined): ends is Ends => Boolean(ends?.softmax || ends?.upsample || ends?.argmax);

/** Returns the converted model in this form; does not modify the given model. Throws CompileError if a size is not accepted or a dimension stays open. */
export function formOf(compiled: Compiled, request: FormRequest, level: OptimisationLevel = 2): Formed {
  const model = compiled.model.clone();
  const before = model.graph.nodeCount;
  const runner = new PassRunner(model);
  const ends = asksForEnds(request.ends) ? putEnds(model, request.ends, placingOf(compiled)) : undefined;
  const sizes = fixSizes(model, request);
  const form: Form = { ...sizes, ...(ends && { ends }) };
  const passes: PassReport[] = [];
  if (sizes.size || sizes.batch !== undefined) {
    passes.push(...settle(runner));
    for (const step of fixing(level)) passes.push(...runGroup(runner, step, {}));
  }
  inferShapes(model);
  if (form.size) requireFixed(model);
  if (form.size && compiled.report.head !== 'original') declareSizes(model);
  declareForm(model, form);
  return { model, form, passes: merged(passes).filter(({ edits }) => edits > 0), nodes: { before, after: model.graph.nodeCount } };
}

/** The same form in half precision. */
export function inHalf(formed: Formed, half: Half, { ranges, on }: { readonly ranges: Ranges; readonly on: string }): Formed {
  const { model, kept, halves } = halved(formed.model, ranges, half);
  if (halves === 0) throw nothingInHalf(kept[0]);
  const form = { ...formed.form, half };
  declareForm(model, form);
  return { ...formed, model, form, half: { kept, halves, measuredOn: on }, nodes: { ...formed.nodes, after: model.graph.nodeCount } };
}

/** Geometry of the cells of each output. */
function placingOf({ model, report }: Compiled): (output: string) => Placing {
  const [window] = report.windows;
  const strides = declaredStrides(model);
  const taken = window && sizesTaken(model).get(window.input);
  const apart = taken ? lettersIn(taken).map((letter) => taken[axisName(letter)]?.multiple ?? 1) : [];
  return (output) => ({
    window: window && report.head === 'window' ? windowLengths(window) : undefined,
    stride: strides?.[output],
    apart,
  });
}

function fixSizes(model: Model, { size, batch }: FormRequest): Form {
  const { graph } = model;
  const free = new Map([...imageInputs(graph)].map(([input, roles]) => [input, { roles, shape: input.type?.shape ?? [] }]));
  const taken = sizesTaken(model);
  const sizes = size && new Map(resolveWindows(model, size).map((window) => [window.input, windowLengths(window)]));
  for (const [input, lengths] of sizes ?? []) requireTaken(input, lengths, taken.get(input));
  const bindings: Record<string, number> = Object.create(null);
  for (const [input, { shape }] of free)
    for (const [axis, dim] of shape.entries()) {
      const now = input.type?.shape?.[axis];
      if (typeof dim === 'string' && typeof now === 'number') bindings[dim] = now;
    }
  const images = batch ?? (size ? 1 : undefined);
  for (const [input, { roles }] of free) {
    const axis = roles.indexOf('N');
    const own = input.type?.shape?.[axis];
    if (axis < 0 || !input.type?.shape || images === undefined) continue;
    if (typeof own === 'number') {
      if (batch !== undefined && own !== batch) throw batchFixed(input, own, batch);
      continue;
    }
    if (own !== undefined) bindings[own] = images;
    graph.setType(input, { ...input.type, shape: input.type.shape.map((dim, at) => (at === axis ? images : dim)) });
  }
  const bound = (dim: Dim): Dim => (typeof dim === 'string' ? (evaluateDim(dim, bindings) ?? dim) : dim);
  const bind = (value: Value): void => {
    const { type } = value;
    if (type?.shape && !isConst(value)) graph.setType(value, { ...type, shape: type.shape.map(bound) });
  };
  for (const input of graph.inputs) bind(input);
  for (const node of graph.nodes) for (const output of node.outputs) bind(output);
  const [first] = free.keys();
  const now = first?.type?.shape?.[free.get(first)?.roles.indexOf('N') ?? -1];
  return { ...(sizes && { size: sizes }), ...(typeof now === 'number' && { batch: now }) };
}

/** Throws if the network would cut off a part of images of this size. */
function requireTaken(input: string, lengths: readonly number[], taken: ImageSizes | undefined): void {
  if (!taken) return;
  const families = lettersIn(taken).flatMap((letter) => {
    const family = taken[axisName(letter)];
    return family ? [{ name: axisName(letter), family }] : [];
  });
  const isTaken = families.every(({ family }, axis) => nearestTaken(family, lengths[axis] ?? 0, Math.floor) === lengths[axis]);
  if (isTaken || families.length !== lengths.length) return;
  const nearest = (round: (steps: number) => number): string =>
    sizeText(families.map(({ family }, axis) => nearestTaken(family, lengths[axis] ?? 0, round)));
  const both = [...new Set([nearest(Math.floor), nearest(Math.ceil)])];
  throw sizeNotTaken(input, sizeText(lengths), families.map(({ name, family }) => describeFamily(family, name)).join(' and '), both);
}

/** Throws unless all dimensions of all values are numbers. */
function requireFixed({ graph }: Model): void {
  for (const value of [...graph.inputs, ...graph.nodes.flatMap((node) => node.outputs)])
    if (value.type?.shape?.every((dim) => typeof dim === 'number') !== true) throw sizeNotFixed(value);
}

function declareForm(model: Model, { size, batch, ends, half }: Form): void {
  model.metadata.set(FORM, JSON.stringify({ ...(size && { size: Object.fromEntries(size) }), batch, ends, half }));
  if (ends)
    model.metadata.set(
      ENDS,
      Object.entries(ends)
        .map(([output, end]) => `${output}: ${endText(end)}`)
        .join('\n'),
    );
}

/** Form declared in the metadata; undefined if the model is as a conversion leaves it. */
export function declaredForm(model: Model): Form | undefined {
  const text = model.metadata.get(FORM);
  if (text === undefined) return undefined;
  const { size, batch, ends, half } = Object.fromEntries(Object.entries(jsonIn(text) ?? {}));
  const sizes = sizesIn(JSON.stringify(size ?? {}));
  const known = endsIn(ends);
  return {
    ...(known && { ends: known }),
    ...(sizes.size > 0 && { size: sizes }),
    ...(typeof batch === 'number' && Number.isSafeInteger(batch) && batch > 0 && { batch }),
    ...(typeof half === 'object' &&
      half !== null && { half: { ends: Object.entries(half).some(([key, value]) => key === 'ends' && value === true) } }),
  };
}

/** Operations behind the outputs, as declared in the file; invalid entries are ignored. */
function endsIn(of: unknown): Form['ends'] {
  const ends: Record<string, End> = table({});
  for (const [name, own] of Object.entries(typeof of === 'object' && of ? of : {})) {
    const { softmax, upsample, argmax, axis, classes, places, first, step, cut } = Object.fromEntries(Object.entries(own ?? {}));
    const [lengths, middles, steps, more] = [places, first, step, cut].map(numbersIn);
    if (typeof axis !== 'number' || typeof classes !== 'number' || !lengths) continue;
    ends[name] = {
      axis,
      classes,
      places: lengths,
      ...(softmax === true && { softmax }),
      ...((upsample === 'bilinear' || upsample === 'centres') && { upsample }),
      ...(argmax === true && { argmax }),
      ...(middles && { first: middles }),
      ...(steps && { step: steps }),
      ...(more && { cut: more }),
    };
  }
  return Object.keys(ends).length > 0 ? ends : undefined;
}

function numbersIn(list: unknown): readonly number[] | undefined {
  if (!Array.isArray(list)) return undefined;
  const own: unknown[] = list;
  return own.every((number): number is number => typeof number === 'number') ? own : undefined;
}

/** Input sizes of a model in this form, for reports: `batch 1, image 512x512`. */
export function formText({ size, batch, ends, half }: Form): string {
  const sizes = [...(size ?? [])];
  if (sizes.length === 0 && batch === undefined) return half ? 'half precision' : ends ? 'outputs of another kind' : 'another form';
  const images = sizes.map(([input, lengths]) => (sizes.length > 1 ? `'${input}' ${sizeText(lengths)}` : sizeText(lengths)));
  return [...(images.length > 0 ? [`images of ${images.join(', ')}`] : []), ...(batch === undefined ? [] : [`a batch of ${batch}`])].join(
    ', ',
  );
}

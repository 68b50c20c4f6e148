/**
 * Operations that can be added behind the scores of a converted model, in this order, as nodes of the graph:
 *
 *   softmax    p[k] = exp(s[k]) / sum over j of exp(s[j])                     over the classes of each cell
 *   upsample   one value for each pixel x of the image along each axis: linear between cells
 *              bilinear   cell i is at pixel  (i + 1/2) length / cells - 1/2           the map stretched to the image
 *              centres    cell i is at pixel  i stride + (window - 1)/2                the middle of its window
 *              pixels beyond the outermost cells get the values of those cells
 *   argmax     the index of the largest value over the classes, the first one if several are equal     int64, [N, rows, columns]
 *
 * `centres` is computed exactly by Resize, by repeating the edges: the map is extended by K cells at both ends and stretched by an integer factor, and the
 * pixels of the image are cut out of the result. If `window - stride` is even, the factor is the stride (half_pixel); otherwise it is twice the stride with
 * cells at corners, and every other pixel is taken.
 */
import { endNotFor } from '../diagnostics/catalogue';
import { AxisRoles, imageInputs } from '../ir/axis-roles';
import type { Graph } from '../ir/graph';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import { isLetter, unitOf } from '../ir/spatial';
import { int64s } from '../ir/tensor';
import type { Value } from '../ir/types';
import { producerBehindViews } from '../ir/views';
import { type Builder, builderAt } from '../rewrite/builder';

export type Upsampling = 'bilinear' | 'centres';

export interface Ends {
  readonly softmax?: boolean | undefined;
  readonly upsample?: Upsampling | undefined;
  readonly argmax?: boolean | undefined;
}

/** Operations behind one output. */
export interface End extends Ends {
  /** Axis of the classes in the scores, number of classes, and the spatial axes. */
  readonly axis: number;
  readonly classes: number;
  readonly places: readonly number[];
  /** Cell positions, with `centres`: position of cell 0 and distance between cells, along each axis, in pixels. */
  readonly first?: readonly number[] | undefined;
  readonly step?: readonly number[] | undefined;
  /** Cells that may be missing at the far end, because the network cuts the image to a size that it accepts. */
  readonly cut?: readonly number[] | undefined;
}

/** Geometry of the cells of an output: along each axis, lengths of windows and pixels between them. */
export interface Placing {
  readonly window: readonly number[] | undefined;
  readonly stride: readonly number[] | undefined;
  /** Step in pixels between image sizes that are accepted without cutting. */
  readonly apart: readonly number[];
}

/** Adds the operations to the model. Throws CompileError if one is not possible for an output. */
export function putEnds(model: Model, ends: Ends, placing: (output: string) => Placing): Readonly<Record<string, End>> {
  const { graph } = model;
  const inference = inferShapes(model);
  const roles = new AxisRoles(imageInputs(graph), graph.tied);
  const made: [string, End][] = [];
  for (const output of [...graph.outputs]) {
    const end = endOf(output, roles, ends, placing(output.name));
    const { producer } = output;
    if (!producer) throw endNotFor(output, 'it is an input');
    const make = builderAt({ graph, before: undefined, origin: producer.origin, root: output.name, inference });
    let value: Value = output;
    if (end.softmax) value = make.op('Softmax', [value], { axis: end.axis });
    if (end.upsample) value = upsampled(make, value, end, imageOf(graph, output));
    if (end.argmax) value = make.op('ArgMax', [value], { axis: end.axis, keepdims: 0, select_last_index: 0 });
    const at = graph.outputs.indexOf(output);
    const name = output.name;
    graph.setOutputs(graph.outputs.map((each, index) => (index === at ? value : each)));
    graph.rename(output, `${name}_scores`);
    graph.rename(value, name);
    made.push([name, end]);
  }
  return Object.fromEntries(made);
}

function endOf(output: Value, roles: AxisRoles, ends: Ends, { window, stride, apart }: Placing): End {
  const shape = output.type?.shape;
  if (!shape || shape.length < 2) throw endNotFor(output, 'its axes are not known');
  const own = roles.of(output);
  const last = own !== undefined && own.length === shape.length && isLetter(own[1]) && isLetter(own[2]);
  const axis = last ? shape.length - 1 : 1;
  const classes = shape[axis];
  if (typeof classes !== 'number') throw endNotFor(output, 'how many classes it has is not known');
  const places = shape.flatMap((_, at) => (at === 0 || at === axis ? [] : [at]));
  if (ends.softmax && endsInShares(output)) throw endNotFor(output, 'it gives shares already: omit --softmax');
  if (ends.argmax && classes < 2) throw endNotFor(output, 'it has one class alone: omit --argmax');
  if (!ends.upsample) return { ...ends, axis, classes, places };
  if (places.length === 0) throw endNotFor(output, 'it is not a map: omit --upsample');
  if (ends.upsample === 'bilinear') return { ...ends, axis, classes, places };
  if (window?.length !== places.length || stride?.length !== places.length)
    throw endNotFor(output, 'its cells are not windows: --upsample centres is for --head window');
  if (!stride.every((step) => Number.isInteger(step)))
    throw endNotFor(output, `its cells are ${stride.join(', ')} ${unitOf(stride.length)} apart, no whole number: use --upsample bilinear`);
  return {
    ...ends,
    axis,
    classes,
    places,
    first: window.map((length) => (length - 1) / 2),
    step: stride,
    cut: stride.map((step, at) => Math.ceil((apart[at] ?? 1) / step)),
  };
}

/** True if the output is a softmax or a sigmoid, possibly behind views. */
function endsInShares(output: Value): boolean {
  return ['Softmax', 'Sigmoid', 'LogSoftmax', 'com.microsoft.QLinearSoftmax'].includes(producerBehindViews(output)?.op ?? '');
}

function imageOf(graph: Graph, output: Value): { readonly image: Value; readonly axes: readonly number[] } {
  const [first] = imageInputs(graph);
  if (!first) throw endNotFor(output, 'the network takes no image');
  return { image: first[0], axes: first[1].flatMap((role, at) => (isLetter(role) ? [at] : [])) };
}

function upsampled(
  make: Builder,
  map: Value,
  end: End,
  { image, axes }: { readonly image: Value; readonly axes: readonly number[] },
): Value {
  const sizes = make.op('Gather', [make.op('Shape', [image]), make.constant('image_axes', int64s(axes))], { axis: 0 });
  // All axes, as opsets before 18 require: batch, then classes before or after the places.
  const stretch = (value: Value, lengths: Value, mode: string): Value => {
    const shape = make.op('Shape', [value]);
    const kept = (at: number): Value => make.op('Gather', [shape, make.constant('kept_axis', int64s([at]))], { axis: 0 });
    const rest = kept(end.axis);
    const all = make.op('Concat', end.axis === 1 ? [kept(0), rest, lengths] : [kept(0), lengths, rest], { axis: 0 });
    return make.op('Resize', [value, undefined, undefined, all], { mode: 'linear', coordinate_transformation_mode: mode });
  };
  if (!end.first || !end.step) return stretch(map, sizes, 'half_pixel');
  const { first, step } = end;
  // As many cells at both ends as cover the pixels beyond the outermost centre.
  const more = first.map((pixels, axis) => Math.ceil(pixels / (step[axis] ?? 1)) + 1);
  const behind = more.map((cells, axis) => cells + (end.cut?.[axis] ?? 0));
  const wide = make.op(
    'Pad',
    [map, make.constant('more_cells', int64s([...more, ...behind])), undefined, make.constant('map_axes', int64s(end.places))],
    { mode: 'edge' },
  );
  const cells = make.op('Gather', [make.op('Shape', [wide]), make.constant('map_axes', int64s(end.places))], { axis: 0 });
  const isEven = first.every((pixels, axis) => Number.isInteger(pixels - ((step[axis] ?? 1) - 1) / 2));
  const factor = isEven ? 1 : 2;
  const steps = make.constant('steps', int64s(step.map((pixels) => factor * pixels)));
  const cornered = (): Value => {
    const one = make.constant('one', int64s([1]));
    return make.op('Add', [make.op('Mul', [make.op('Sub', [cells, one]), steps]), one]);
  };
  const lengths = isEven ? make.op('Mul', [cells, steps]) : cornered();
  const fine = stretch(wide, lengths, isEven ? 'half_pixel' : 'align_corners');
  // In the stretched map, cell 0 comes behind `more` cells, and pixel 0 of the image lies `first` pixels before its centre.
  const from = first.map((pixels, axis) => {
    const [by, cellsBefore] = [step[axis] ?? 1, more[axis] ?? 0];
    return isEven ? cellsBefore * by + (by - 1) / 2 - pixels : 2 * (cellsBefore * by - pixels);
  });
  const starts = make.constant('from', int64s(from));
  const span = factor === 1 ? sizes : make.op('Mul', [sizes, make.constant('two', int64s([2]))]);
  return make.op('Slice', [
    fine,
    starts,
    make.op('Add', [starts, span]),
    make.constant('map_axes', int64s(end.places)),
    make.constant('every', int64s(end.places.map(() => factor))),
  ]);
}

/**
 * The model before `putEnds` changed its scores, apart from the softmax: outputs are maps of cells, under the names of the model's outputs.
 * Does not modify the given model.
 */
export function beforeEnds(source: Model, ends: Readonly<Record<string, End>>): Model {
  const model = source.clone();
  const { graph } = model;
  const renamed: [Value, string][] = [];
  const outputs = graph.outputs.map((output) => {
    const end = ends[output.name];
    const scores = end ? behind(output, end) : output;
    if (scores !== output) renamed.push([scores, output.name]);
    return scores;
  });
  graph.setOutputs(outputs);
  for (const node of [...graph.nodes].reverse())
    if (node.outputs.every((value) => value.uses.length === 0 && !graph.isOutput(value))) graph.removeNode(node);
  for (const [value, name] of renamed) graph.rename(value, name);
  inferShapes(model);
  return model;
}

/** Finds the value to which an end was added. Nodes that do nothing at a fixed size may have been removed. */
function behind(output: Value, { argmax, upsample }: End): Value {
  const above = ({ producer }: Value, ...ops: readonly string[]): Value | undefined =>
    producer && ops.includes(producer.op) ? producer.inputs[0] : undefined;
  let value = (argmax ? above(output, 'ArgMax') : undefined) ?? output;
  if (upsample === 'centres') for (const op of ['Slice', 'Resize', 'Pad']) value = above(value, op) ?? value;
  else if (upsample) value = above(value, 'Resize') ?? value;
  return value;
}

/** Describes the operations in words, for reports and metadata. */
export function endText({ softmax, upsample, argmax, first, step }: End): string {
  const parts = [
    softmax ? 'softmax over the classes of each cell' : '',
    upsample === 'bilinear' ? "linear between cells, the map stretched to the image's size (half_pixel)" : '',
    upsample === 'centres'
      ? `linear between cells, cell i at ${unitOf(first?.length ?? 2).slice(0, -1)} ${first?.map((pixels, axis) => `${step?.[axis]} i + ${pixels}`).join(', ')}, the middle of its window; beyond the outermost cells what those say`
      : '',
    argmax ? 'the index of the largest class' : '',
  ].filter((part) => part !== '');
  return parts.join('; ');
}

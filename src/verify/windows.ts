/** The original cut at its last map: its trunk on larger images, its own head on every window of the map that comes of it. */
import { notComparable } from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import { nestedGraphs } from '../ir/graph';
import type { Model } from '../ir/model';
import type { Value } from '../ir/types';
import { type CutMap, headOf, lastMaps, trunkOf } from './cut';
import { cropped } from './inputs';
import { type Larger, larger } from './larger';
import { cellsOf, type WindowMap, type WindowResults } from './maps';
import type { Numbers, Session } from './onnx-runner';
import { asCompileError, each, only, type Results } from './results';
import type { Subject } from './subject';

/** What came of running the original's trunk on larger images: its maps, or why there are none. */
export interface Trunk {
  readonly plans: readonly Larger[];
  readonly features?: readonly Results[] | undefined;
  readonly maps?: readonly CutMap[] | undefined;
  readonly reason?: string | undefined;
}

/** The original's own maps at larger sizes, and which sizes it takes. */
export async function runTrunk(subject: Subject): Promise<Trunk> {
  const model = subject.whole;
  const choices = larger(subject);
  const without = (reason: string): Trunk => ({ plans: choices.flatMap(([first]) => first ?? []), reason });
  if (choices.length === 0) return without('the converted model has no map that grows with the image');
  if (model.graph.nodes.some((node) => nestedGraphs(node).length > 0))
    return without('the original has nested graphs, which cannot be cut');
  const maps = lastMaps(model, model.graph.outputs);
  if (!maps) return without('the original has no map of more than one cell to cut it at');
  subject.bench.progress('running the trunk of the original on larger images');
  let trunk: Model;
  try {
    trunk = subject.request.free(
      trunkOf(
        model,
        maps.map((map) => map.value),
      ),
    );
  } catch (error) {
    if (error instanceof CompileError) return without(`the trunk of the original cannot be freed: ${error.diagnostic.message}`);
    throw error;
  }
  const run = (session: Session) => async (plans: readonly Larger[]) => {
    for (const plan of plans) {
      const found = await session.run(only(plan.feeds, session.inputNames)).catch((error: unknown) => asCompileError(error));
      if (!(found instanceof CompileError)) return [{ plan, features: found }];
    }
    return [];
  };
  const taken = await subject.bench.within(subject.request.place(trunk, 'trunk'), 'the trunk of the original', {}, (session) =>
    each(choices, run(session)),
  );
  const found = taken.flat();
  if (found.length === 0) return without('the original takes none of the larger sizes that were tried');
  return { plans: found.map(({ plan }) => plan), features: found.map(({ features }) => features), maps };
}

/** For each larger size and output, the head's result for every window of the original's own map. */
export async function headOnWindows(
  subject: Subject,
  plans: readonly Larger[],
  { reason, features, maps }: Omit<Trunk, 'plans'>,
): Promise<readonly WindowResults[] | string> {
  if (!features || !maps) return reason ?? 'the original was not cut';
  subject.bench.progress('running the head of the original on windows of its map');
  const model = subject.whole;
  const { outputs } = model.graph;
  const head = headOf(
    model,
    maps.map((map) => map.value),
    outputs,
  );
  return subject.bench.within(subject.request.place(head, 'head'), 'the head of the original', {}, (session) =>
    each(plans, async (_, index): Promise<WindowResults> => {
      const perOutput: WindowResults = new Map();
      for (const output of outputs) {
        const found = features[index] ?? new Map<string, Numbers>();
        const own = maps.find((map) => map.value === output);
        const cells = own ? cellsOf(found.get(output.name), own.axes) : await slide(subject, session, maps, found, output);
        perOutput.set(output.name, cells);
      }
      return perOutput;
    }),
  );
}

/** Those of the maps that lead to one output. */
function mapsOf(subject: Subject, output: Value, maps: readonly CutMap[]): readonly CutMap[] {
  const own = new Set(lastMaps(subject.whole, [output])?.map((map) => map.value) ?? []);
  const used = maps.filter((map) => own.has(map.value));
  return used.length > 0 ? used : maps;
}

async function slide(subject: Subject, session: Session, maps: readonly CutMap[], features: Results, output: Value): Promise<WindowMap> {
  const used = mapsOf(subject, output, maps);
  const [strideY, strideX] = stridesOf(used);
  const steps = used.map((map): readonly [number, number] => [strideY / map.stride[0], strideX / map.stride[1]]);
  const others = maps.filter((map) => !used.includes(map));
  const counts = used.map((map, index) => {
    const shape = features.get(map.value.name)?.shape ?? [];
    const [stepY, stepX] = steps[index] ?? [1, 1];
    return [
      Math.floor(((shape[map.axes.rows] ?? 0) - map.axes.shape.rows) / stepY) + 1,
      Math.floor(((shape[map.axes.columns] ?? 0) - map.axes.shape.columns) / stepX) + 1,
    ];
  });
  const [rows, columns] = [Math.min(...counts.map(([y]) => y ?? 0)), Math.min(...counts.map(([, x]) => x ?? 0))];
  const cells: Float64Array[] = [];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const window = (map: CutMap, top: number, left: number): [string, Numbers] => {
        const whole = features.get(map.value.name);
        if (!whole) throw notComparable(`the trunk has no '${map.value.name}'`);
        const { rows: height, columns: width } = map.axes.shape;
        return [map.value.name, cropped(whole, [map.axes.rows, map.axes.columns], Math.round(top), Math.round(left), height, width)];
      };
      const feeds = new Map([
        ...used.map((map, index) => window(map, y * (steps[index]?.[0] ?? 1), x * (steps[index]?.[1] ?? 1))),
        // The runtime wants every input of the head, those of other outputs too.
        ...others.map((map) => window(map, 0, 0)),
      ]);
      const result = await session.run(only(feeds, session.inputNames));
      cells.push(Float64Array.from(result.get(output.name)?.data ?? []));
    }
  }
  return { rows, columns, cells };
}

/** Whether the maps that lead to one output have these strides. */
export function hasStrides(subject: Subject, name: string, [y, x]: readonly [number, number]): boolean {
  const model = subject.whole;
  const output = model.graph.outputs.find((candidate) => candidate.name === name);
  const maps = output && lastMaps(model, [output]);
  if (!maps) return true;
  const [ownY, ownX] = stridesOf(maps);
  return ownY === y && ownX === x;
}

/** Where maps of several strides meet, the widest sets the pace. */
const stridesOf = (maps: readonly CutMap[]): readonly [number, number] => [
  Math.max(...maps.map(({ stride }) => stride[0])),
  Math.max(...maps.map(({ stride }) => stride[1])),
];

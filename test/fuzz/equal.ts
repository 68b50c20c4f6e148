/** Whether a model and what was made of it give the same numbers, by a comparison of its own. The runtime is in another process: a crash is no end. */
import { CompileError } from '../../src/diagnostics/compile-error';
import type { Model } from '../../src/ir/model';
import { isFloatType } from '../../src/ir/tensor';
import type { Numbers } from '../../src/verify/onnx-runner';
import { type RuntimeHost, runtimeHost } from '../../src/verify/runtime/host';
import { openSession } from '../../src/verify/runtime/node';
import { random } from '../support/seeded';

type Results = ReadonlyMap<string, Numbers>;
/** Undefined: equal. `idle`: there is nothing to compare, since the runtime does not take the original. */
export type Comparison =
  | { readonly kind: 'equal' }
  | { readonly kind: 'idle'; readonly why: string }
  | { readonly kind: 'different'; readonly how: string };

const MOST_ELEMENTS = 300_000;

/** `atSize`: the original with the sizes of its images. */
export async function compare(original: Uint8Array, converted: Uint8Array, atSize: Model): Promise<Comparison> {
  const feeds = feedsOf(atSize);
  if (!feeds) return { kind: 'idle', why: 'inputs of open size' };
  let before: Results;
  let nudged: Results;
  try {
    before = await run(original, feeds);
    nudged = await run(original, new Map([...feeds].map(([name, numbers]) => [name, nudge(numbers)])));
  } catch (error) {
    if (error instanceof CompileError) return { kind: 'idle', why: 'the original does not run' };
    throw error;
  }
  let after: Results;
  try {
    after = await run(converted, feeds);
  } catch (error) {
    if (error instanceof CompileError)
      return { kind: 'different', how: `does not run: ${error.message.replace(/^.*?:/, '').slice(0, 200)}` };
    throw error;
  }
  for (const [name, numbers] of before) {
    const other = after.get(name);
    if (!other) return { kind: 'different', how: 'an output is missing' };
    const how = difference(numbers, other, nudged.get(name));
    if (how === undefined) continue;
    return (await isSteady(original, feeds, name, numbers))
      ? { kind: 'different', how }
      : { kind: 'idle', why: 'the original is never the same' };
  }
  return { kind: 'equal' };
}

/** Kernels of the runtime that read beyond their input (Pad by wrapping more than once) give other numbers at each run. */
async function isSteady(model: Uint8Array, feeds: Results, name: string, before: Numbers): Promise<boolean> {
  for (let times = 0; times < 4; times++) {
    const again = (await run(model, feeds)).get(name);
    if (!again || difference(before, again, undefined) !== undefined) return false;
  }
  return true;
}

/** Processes that are kept as long as this one: to start one takes as long as a hundred inputs. */
const kept = new WeakSet<RuntimeHost>();
function keepRuntime(): void {
  const host = runtimeHost();
  if (kept.has(host)) return;
  kept.add(host);
  host.use();
}

async function run(model: Uint8Array, feeds: Results): Promise<Results> {
  keepRuntime();
  const session = await openSession(model, 'fuzz', { threads: 1 });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

function feedsOf(model: Model): Results | undefined {
  const feeds = new Map<string, Numbers>();
  const draw = random(7);
  for (const { name, type } of model.graph.inputs) {
    const shape = type?.shape?.map((dim, at) => (typeof dim === 'number' ? dim : at === 0 ? 1 : undefined));
    if (!type || !shape) return undefined;
    const dims = shape.filter((dim) => dim !== undefined);
    const count = dims.reduce((product, dim) => product * dim, 1);
    if (dims.length < shape.length || count > MOST_ELEMENTS) return undefined;
    const isFloat = isFloatType(type.dtype);
    const data = Float64Array.from({ length: count }, () =>
      isFloat ? 2 * draw() - 1 : type.dtype === 'bool' ? Math.round(draw()) : Math.floor(draw() * 10),
    );
    feeds.set(name, {
      dtype: type.dtype,
      shape: dims,
      data: type.dtype === 'float' || type.dtype === 'float16' ? Float32Array.from(data) : data,
    });
  }
  return feeds;
}

/** What an output may change by where its inputs change by next to nothing is no difference. */
function nudge({ dtype, shape, data }: Numbers): Numbers {
  if (!(dtype === 'float' || dtype === 'double' || dtype === 'float16')) return { dtype, shape, data };
  const draw = random(9);
  const moved = (value: number): number => value * (1 + (draw() - 0.5) * 1e-5);
  return { dtype, shape, data: data instanceof Float32Array ? data.map(moved) : data.map(moved) };
}

function difference(before: Numbers, after: Numbers, nudged: Numbers | undefined): string | undefined {
  if (before.data.length !== after.data.length)
    return `sizes differ: a tensor of rank ${before.shape.length} became one of rank ${after.shape.length} with other elements`;
  if (before.dtype !== after.dtype) return `${before.dtype} became ${after.dtype}`;
  let largest = 0;
  let sensitive = 0;
  for (const [at, value] of before.data.entries()) {
    const other = nudged?.data[at] ?? value;
    // Where the original overflows, another order of sums overflows elsewhere.
    if (!Number.isFinite(value) || !Number.isFinite(other) || Math.abs(value) > 1e30) return undefined;
    largest = Math.max(largest, Math.abs(value));
    sensitive = Math.max(sensitive, Math.abs(value - other));
  }
  const coarse = before.dtype === 'float16' ? 2e-2 : 1e-3;
  const allowed = coarse * largest + 100 * sensitive + 1e-30;
  for (const [at, value] of before.data.entries()) {
    const other = after.data[at] ?? Number.NaN;
    if (!(Math.abs(value - other) <= allowed)) return 'other numbers';
  }
  return undefined;
}

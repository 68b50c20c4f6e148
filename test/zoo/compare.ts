/**
 * npm run zoo -- --compare COMMIT [--head window|cell|image|original|all] [--stride N] [--to onnx|tfjs] [--only TEXT] [FILE.onnx ...]
 *
 * Converts every graph of fixtures/zoo, or the given files, with the program of COMMIT and with the program of now, and compares what they write.
 * A redesign must not change any conversion that was right. Of each pair:
 *
 *   same        the files agree in every byte, or both programs refuse with the same code
 *   metadata    nodes, weights, inputs and outputs agree; what the file says about itself does not
 *   sizes       nodes and weights agree; the declared sizes of inputs, outputs or values do not
 *   different   another graph, or one of the two refuses
 *
 * Exit code 1 where a pair is different. COMMIT is checked out and bundled below the system's folder for temporary files.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { onnx } from 'onnx-proto';
import { zooModel } from '../../fixtures/zoo-weights';

export interface CompareOptions {
  readonly commit: string;
  readonly heads: readonly string[];
  /** Further arguments for `convert`, the same for both programs. */
  readonly convert: readonly string[];
  readonly target: 'onnx' | 'tfjs';
  readonly names: readonly string[];
}

type Relation = 'same' | 'metadata' | 'sizes' | 'different';
const root = join(__dirname, '../..');

/** Prints a line for each pair that is not the same, and the counts. Returns whether no pair is different. */
export function compareWithCommit({ commit, heads, convert, target, names }: CompareOptions): boolean {
  const scratch = mkdtempSync(join(tmpdir(), 'convolutionize-compare-'));
  const checkout = join(scratch, 'checkout');
  const counts: Record<Relation, number> = { same: 0, metadata: 0, sizes: 0, different: 0 };
  try {
    execFileSync('git', ['worktree', 'add', '--detach', checkout, commit], { cwd: root, stdio: 'ignore' });
    symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'));
    // Beside the packages that are not bundled.
    const built = join(root, 'node_modules/.cache/convolutionize', basename(scratch));
    const programs = [checkout, root].map((from, at) => {
      const file = join(built, String(at), 'cli.js');
      execFileSync(process.execPath, [join(from, '.ci/build.mjs'), '--program', file], { cwd: from, stdio: 'pipe' });
      return file;
    });
    for (const name of names) {
      const path = existsSync(name) ? name : zooModel(name, { seed: 1, directory: scratch });
      for (const head of heads) {
        const [before, after] = programs.map((program, at) =>
          run(program, path, join(scratch, `out${at}`), target, [...convert, '--head', head]),
        );
        const relation = before === undefined || after === undefined ? 'different' : relate(before, after);
        counts[relation]++;
        if (relation !== 'same')
          console.log(`${relation.padEnd(10)} ${basename(name).padEnd(40)} ${head.padEnd(8)} ${say(before)} -> ${say(after)}`);
      }
      if (path !== name) for (const ending of ['.onnx', '.weights']) rmSync(path.replace(/\.onnx$/, ending), { force: true });
    }
    rmSync(built, { recursive: true, force: true });
  } finally {
    spawnSync('git', ['worktree', 'remove', '--force', checkout], { cwd: root });
    rmSync(scratch, { recursive: true, force: true });
  }
  console.log(
    Object.entries(counts)
      .map(([relation, count]) => `${count} ${relation}`)
      .join(', '),
  );
  return counts.different === 0;
}

interface Written {
  /** Code of the error, where there is no output. */
  readonly refusal?: string;
  readonly bytes: string;
  /** Hash of all but metadata, and of nodes and weights alone. */
  readonly interfaces: string;
  readonly graph: string;
  readonly nodes: number;
}

function run(program: string, input: string, output: string, target: 'onnx' | 'tfjs', options: readonly string[]): Written {
  const destination = target === 'onnx' ? `${output}.onnx` : output;
  rmSync(destination, { recursive: true, force: true });
  const { status, stderr } = spawnSync(
    process.execPath,
    [program, 'convert', input, '-o', destination, '--to', target, '--no-verify', '-q', ...options],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0) {
    const refusal = /error\[(\w+)\]/.exec(stderr)?.[1] ?? `exit ${status}: ${stderr.slice(-200)}`;
    return { refusal, bytes: refusal, interfaces: refusal, graph: refusal, nodes: 0 };
  }
  return target === 'onnx' ? lookAtOnnx(destination) : lookAtTfjs(destination);
}

const hash = (...parts: readonly (Uint8Array | string)[]): string => {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(part);
  return sum.digest('hex');
};

function lookAtOnnx(path: string): Written {
  const bytes = readFileSync(path);
  const model = onnx.ModelProto.decode(bytes);
  const whole = hash(bytes);
  const { graph } = model;
  if (!graph) throw new Error(`${path} has no graph`);
  const nodes = graph.node ?? [];
  const graphOnly = hash(
    // onnx-proto knows no metadata of nodes: it is left out here.
    ...nodes.map((node) => onnx.NodeProto.encode(node).finish()),
    ...(graph.initializer ?? []).map((tensor) => onnx.TensorProto.encode(tensor).finish()),
  );
  const ports = hash(
    graphOnly,
    ...[graph.input, graph.output].flatMap((values) => (values ?? []).map((value) => onnx.ValueInfoProto.encode(value).finish())),
  );
  return { bytes: whole, interfaces: ports, graph: graphOnly, nodes: nodes.length };
}

function lookAtTfjs(directory: string): Written {
  const files = readdirSync(directory).sort();
  const contents = files.filter((file) => statSync(join(directory, file)).isFile()).map((file) => readFileSync(join(directory, file)));
  const model: unknown = JSON.parse(readFileSync(join(directory, 'model.json'), 'utf8'));
  const part = (of: unknown, key: string): unknown => (typeof of === 'object' && of !== null ? Reflect.get(of, key) : undefined);
  const topology = part(model, 'modelTopology');
  const nodes = part(topology, 'node');
  const shards = contents.filter((_, at) => files[at]?.endsWith('.bin'));
  const graph = hash(JSON.stringify(nodes), JSON.stringify(part(model, 'weightsManifest')), ...shards);
  return {
    bytes: hash(...contents),
    interfaces: hash(graph, JSON.stringify(part(model, 'signature'))),
    graph,
    nodes: Array.isArray(nodes) ? nodes.length : 0,
  };
}

function relate(before: Written, after: Written): Relation {
  if (before.bytes === after.bytes) return 'same';
  if (before.interfaces === after.interfaces) return 'metadata';
  return before.graph === after.graph ? 'sizes' : 'different';
}

const say = (written: Written | undefined): string => written?.refusal ?? `${written?.nodes} nodes`;

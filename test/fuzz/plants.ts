/** Faults put into the program, so that a test can see whether the fuzzer finds them. */
import { execFileSync } from 'node:child_process';
import { lookup } from 'node:dns';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Graph } from '../../src/ir/graph';
import { fromNumbers, readNumbers } from '../../src/ir/tensor';
import { REAL, type Target } from './target';

/** A change to what is there, other faults included. */
type Plant = (base: Target) => Partial<Target>;

/** What becomes of a converted model. */
const converting =
  (change: (graph: Graph) => void): Plant =>
  (base) => ({
    compile: (model, options) => {
      const compiled = base.compile(model, options);
      change(compiled.model.graph);
      return compiled;
    },
  });
/** What happens when a model is read. */
const reading =
  (act: () => void): Plant =>
  (base) => ({
    readModelFile: (path, options) => {
      const model = base.readModelFile(path, options);
      act();
      return model;
    },
  });
const opening =
  (act: () => void): Plant =>
  ({ doors }) => ({ doors: { ...doors, certificate: (name) => [act(), doors.certificate(name)] } });
/** What a command does before its own work, or instead of it. */
const command =
  (act: (args: readonly string[]) => number | undefined): Plant =>
  ({ main }) => ({ main: async (args, surroundings) => act(args) ?? main(args, surroundings) });
const printing =
  (text: string, isJson: boolean): Plant =>
  ({ main }) => ({
    main: async (args, surroundings) => {
      const code = await main(args, surroundings);
      if (args.includes('--json') === isJson) surroundings.stdout.write(text);
      return code;
    },
  });
const nothing = (): undefined => undefined;
const noShape = (): void => void Reflect.get(Object(undefined), 'shape').length;

let kept: unknown;

export const PLANTS: Readonly<Record<string, Plant>> = {
  // Conversions that are wrong.
  weights: converting((graph) => {
    for (const value of graph.constants) {
      const { dtype, shape } = value.constant;
      if (dtype !== 'float' || shape.length < 2) continue;
      const numbers = [...readNumbers(value.constant)].map((number) => number * 1.1);
      graph.replaceAllUses(value, graph.addConstant(`${value.name}_spoilt`, fromNumbers(dtype, shape, numbers)));
    }
  }),
  unreadable: ({ modelToBytes }) => ({ modelToBytes: (model) => modelToBytes(model).subarray(0, -3) }),
  // Exceptions that are no answers.
  'type error': reading(noShape),
  'type error in a door': opening(noShape),
  'exit 70': command((args) => (args[0] === 'convert' ? 70 : undefined)),
  crash: reading(() => process.abort()),
  // Time and memory.
  slow: reading(() => {
    // Of the processor's time, which is what is limited.
    for (const { user } = process.cpuUsage(); process.cpuUsage().user - user < 12e6; );
  }),
  loop: reading(() => {
    for (;;) kept = 1;
  }),
  memory: reading(() => {
    kept = new Uint8Array(1.2 * 2 ** 30).fill(1);
  }),
  heap: reading(() => {
    const list: object[] = [];
    for (;;) list.push(new Array(100_000).fill(list));
  }),
  // Writes, the network, other programs.
  'stray file': command(() => void writeFileSync('stray.txt', 'x')),
  'stray file of a reader': reading(() => writeFileSync('stray.txt', 'x')),
  'file left in TMPDIR': command(() => void mkdirSync(join(tmpdir(), `convolutionize-left`), { recursive: true })),
  'file elsewhere': opening(() => writeFileSync('../elsewhere.txt', 'x')),
  'input overwritten': command((args) => {
    for (const name of args.filter((each) => /^model\.onnx/.test(each))) writeFileSync(name, 'x');
    return undefined;
  }),
  network: reading(() => lookup('localhost', nothing)),
  program: reading(() => void execFileSync('true')),
  // What is printed.
  escape: printing('\u001b[31m', false),
  'workflow command': printing('\n::error::x\n', false),
  'no JSON': printing('{', true),
};

/** The program, with faults by their names, separated by commas. */
export function planted(names: string | undefined): Target {
  void kept;
  const target = { ...REAL };
  for (const name of names?.split(',') ?? []) {
    const plant = PLANTS[name];
    if (!plant) throw new Error(`there is no fault '${name}', only ${Object.keys(PLANTS).join(', ')}`);
    Object.assign(target, plant({ ...target }));
  }
  return target;
}

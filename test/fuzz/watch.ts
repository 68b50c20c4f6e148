/** Between the program and the machine: notes what is written, what is looked up in the network, what is started. */
import { createRequire } from 'node:module';
import { resolve, sep } from 'node:path';

const load = createRequire(__filename);
type Call = (...args: unknown[]) => unknown;
type Functions = Record<string, Call>;

export interface Event {
  readonly what: string;
  /** Within the folder; undefined: elsewhere, or no file. */
  readonly path?: string | undefined;
}

/** Functions of node:fs that change something, and which of their arguments name what. */
const WRITERS: Readonly<Record<string, readonly number[]>> = {
  open: [0],
  writeFile: [0],
  appendFile: [0],
  mkdir: [0],
  mkdtemp: [0],
  rm: [0],
  rmdir: [0],
  unlink: [0],
  rename: [0, 1],
  copyFile: [1],
  cp: [1],
  link: [1],
  symlink: [1],
  truncate: [0],
  chmod: [0],
  utimes: [0],
};

/** Calls `tell` for every write, and for everything that speaks to a network or starts a program that is not ours. */
export function watch(folder: string, tell: (event: Event) => void): void {
  const isInside = (path: string): boolean => path === folder || path.startsWith(folder + sep) || path === '/dev/null';
  const fs = load('node:fs') as Functions & { promises: Functions };
  const wrap = (functions: Functions, name: string, base: string, positions: readonly number[]): void => {
    const original = functions[name];
    if (!original) return;
    functions[name] = (...args) => {
      const reads = base === 'open' && (typeof args[1] !== 'string' ? (Number(args[1] ?? 0) & 3) === 0 : args[1] === 'r');
      for (const position of reads ? [] : positions) {
        const path = args[position];
        if (typeof path !== 'string') continue;
        const where = resolve(path);
        tell(isInside(where) ? { what: `${name} within its folder`, path: where } : { what: `${name} of ${path.slice(0, 200)}` });
      }
      return original.apply(functions, args);
    };
  };
  for (const [name, positions] of Object.entries(WRITERS)) {
    wrap(fs, `${name}Sync`, name, positions);
    wrap(fs, name, name, positions);
    wrap(fs.promises, name, name, positions);
  }
  wrap(fs, 'createWriteStream', 'createWriteStream', [0]);
  const notice = (module: string, names: readonly string[], isFine: (args: readonly unknown[]) => boolean = () => false): void => {
    const functions = load(module) as Functions;
    for (const name of names) {
      const original = functions[name];
      if (!original) continue;
      functions[name] = (...args) => {
        if (!isFine(args)) tell({ what: `${module}.${name}` });
        return original.apply(functions, args);
      };
    }
  };
  // The models run in a process of their own.
  notice(
    'node:child_process',
    ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'],
    ([file]) => file === process.execPath,
  );
  notice('node:dns', ['lookup', 'resolve', 'resolve4', 'resolve6']);
  notice('node:net', ['connect', 'createConnection', 'createServer']);
  notice('node:dgram', ['createSocket']);
  notice('node:http', ['request', 'get']);
  notice('node:https', ['request', 'get']);
}

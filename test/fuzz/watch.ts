/** Stands between the program and the machine: notes what is written outside of one folder, what is looked up in the network, what is started. */
import { createRequire } from 'node:module';
import { resolve, sep } from 'node:path';

const load = createRequire(__filename);
type Call = (...args: readonly unknown[]) => unknown;
type Functions = Record<string, Call>;

/** Functions of node:fs that change something, and which of their arguments name what. */
const WRITERS: Readonly<Record<string, readonly number[]>> = {
  openSync: [0],
  writeFileSync: [0],
  appendFileSync: [0],
  mkdirSync: [0],
  mkdtempSync: [0],
  rmSync: [0],
  rmdirSync: [0],
  unlinkSync: [0],
  renameSync: [0, 1],
  copyFileSync: [1],
  linkSync: [1],
  symlinkSync: [1],
  truncateSync: [0],
  chmodSync: [0],
  createWriteStream: [0],
};

/** Calls `tell` for every write outside of `folder` (read at each call), and for everything that speaks to a network. */
export function watch(folder: () => string, tell: (what: string) => void): void {
  const fs = load('node:fs') as Functions;
  const isInside = (path: string): boolean => path === folder() || path.startsWith(folder() + sep) || path === '/dev/null';
  for (const [name, positions] of Object.entries(WRITERS)) {
    const original = fs[name];
    if (!original) continue;
    fs[name] = (...args) => {
      const reads = name === 'openSync' && (args[1] === undefined || args[1] === 'r' || args[1] === 0);
      for (const position of reads ? [] : positions) {
        const path = args[position];
        if (typeof path === 'string' && !isInside(resolve(path))) tell(`${name} outside of its folder: ${path}`);
      }
      return original(...args);
    };
  }
  const refuse = (module: string, names: readonly string[]): void => {
    const functions = load(module) as Functions;
    for (const name of names) {
      const original = functions[name];
      if (!original) continue;
      functions[name] = (...args) => {
        tell(`${module}.${name}`);
        return original(...args);
      };
    }
  };
  refuse('node:dns', ['lookup', 'resolve', 'resolve4', 'resolve6']);
  refuse('node:net', ['connect', 'createConnection', 'createServer']);
  refuse('node:dgram', ['createSocket']);
  refuse('node:http', ['request', 'get']);
  refuse('node:https', ['request', 'get']);
}

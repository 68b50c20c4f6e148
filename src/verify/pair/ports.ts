/** Matches inputs and outputs of two models: as given by the user, then by name, then by order and shape. */
import { cannotMatch, unknownMapping } from '../../diagnostics/catalogue';
import type { Dim, TensorType } from '../../ir/types';
import { fittingPermutation } from './layout';

export interface Port {
  readonly name: string;
  readonly type: TensorType | undefined;
}

export interface PortMatch {
  readonly original: string;
  readonly converted: string;
  readonly by: 'option' | 'name' | 'order';
}

/** `role` is used in messages. Throws CompileError if an input of the converted model, or an output of the original, has no counterpart. */
export function matchPorts(
  role: 'input' | 'output',
  original: readonly Port[],
  converted: readonly Port[],
  map: ReadonlyMap<string, string>,
): readonly PortMatch[] {
  const matches: PortMatch[] = [];
  const free = (ports: readonly Port[], side: 'original' | 'converted'): Port[] =>
    ports.filter(({ name }) => !matches.some((match) => match[side] === name));
  for (const [from, to] of map) {
    const [a, b] = [original.find(({ name }) => name === from), converted.find(({ name }) => name === to)];
    if (a && b) matches.push({ original: from, converted: to, by: 'option' });
  }
  for (const { name } of free(original, 'original'))
    if (free(converted, 'converted').some((port) => port.name === name)) matches.push({ original: name, converted: name, by: 'name' });
  // Renamed ports keep their order; ports whose shape does not fit are skipped.
  for (const port of free(original, 'original')) {
    const match = free(converted, 'converted').find((candidate) => role === 'output' || fits(port, candidate));
    if (match) matches.push({ original: port.name, converted: match.name, by: 'order' });
  }
  const [lost] = role === 'input' ? free(converted, 'converted') : free(original, 'original');
  if (lost) throw cannotMatch(role, lost.name, role === 'input' ? original : converted);
  const order = original.map(({ name }) => name);
  return matches.sort((a, b) => order.indexOf(a.original) - order.indexOf(b.original));
}

/** Throws CompileError if a `--map` entry names a port that the respective model does not have. */
export function requireKnown(map: ReadonlyMap<string, string>, original: readonly Port[], converted: readonly Port[]): void {
  for (const [from, to] of map) {
    if (!original.some(({ name }) => name === from)) throw unknownMapping(from, 'original', original);
    if (!converted.some(({ name }) => name === to)) throw unknownMapping(to, 'converted', converted);
  }
}

function fits(a: Port, b: Port): boolean {
  const [from, to]: (readonly Dim[] | undefined)[] = [a.type?.shape, b.type?.shape];
  return !from || !to || fittingPermutation(from, to) !== undefined;
}

/**
 * Limits on how far a small file may expand. A few hundred bytes can describe "two billion zeros" or "ten functions, each ten times the previous one". The
 * expanded size is bounded in terms of the file size, with room for everything that exporters write. `factor` raises every bound.
 */
import { expandsTooFar } from '../diagnostics/catalogue';
import type { Graph } from './graph';
import { nestedGraphs } from './graph';
import { elementCount } from './tensor';
import type { Node } from './types';

/** Maximum number of nodes after inlining functions, given the file size in bytes without weights. A node takes at least 20 bytes in a file. */
export const mostNodes = (bytes: number, factor: number): number => factor * Math.max(20_000, bytes);

/** Maximum number of elements of a tensor that is described without being stored, given the number of stored elements. */
export const mostElements = (stored: number, factor: number): number => factor * (2 ** 24 + 4 * stored);

/** Total number of elements of all constants of a model. */
export function storedElements(graph: Graph): number {
  let total = 0;
  for (const { constant } of graph.constants) total += elementCount(constant.shape);
  for (const node of graph.nodes) for (const nested of nestedGraphs(node)) total += storedElements(nested);
  return total;
}

/** Budget of elements that may be computed from the constants of one model. */
export class Room {
  private readonly each: number;
  private left: number;

  constructor(graph: Graph, factor: number) {
    const stored = storedElements(graph);
    this.each = mostElements(stored, factor);
    // Weights go through several steps before a layer reads them.
    this.left = factor * (2 ** 26 + 64 * stored);
  }

  /** Throws CompileError EXPANDS_TOO_FAR if a node produces more elements than the budget allows. */
  take(node: Node, elements: number): void {
    this.left -= elements;
    if (elements > this.each || this.left < 0)
      throw expandsTooFar(
        `${node.op} '${node.name}' makes ${elements.toLocaleString('en')} numbers from constants`,
        `a model of this size may make ${Math.floor(this.each).toLocaleString('en')} at once`,
        { node: node.name, op: node.op, origin: node.origin },
      );
  }
}

/**
 * How far a small file may expand. A few hundred bytes can say "two billion zeros" or "ten functions, each ten times the one before": what comes of a file
 * is bounded by its size, with room for all that exporters write. `factor` raises every bound.
 */
import { expandsTooFar } from '../diagnostics/catalogue';
import type { Graph } from './graph';
import { nestedGraphs } from './graph';
import { elementCount } from './tensor';
import type { Node } from './types';

/** Nodes after functions are inlined, for a file of so many bytes without its weights. A node in a file takes 20 bytes or more. */
export const mostNodes = (bytes: number, factor: number): number => factor * Math.max(20_000, bytes);

/** Elements of a tensor that a file of so many elements may describe without storing them. */
export const mostElements = (stored: number, factor: number): number => factor * (2 ** 24 + 4 * stored);

/** Elements of all constants of a model. */
export function storedElements(graph: Graph): number {
  let total = 0;
  for (const { constant } of graph.constants) total += elementCount(constant.shape);
  for (const node of graph.nodes) for (const nested of nestedGraphs(node)) total += storedElements(nested);
  return total;
}

/** What may be computed from the constants of one model. */
export class Room {
  private readonly each: number;
  private left: number;

  constructor(graph: Graph, factor: number) {
    const stored = storedElements(graph);
    this.each = mostElements(stored, factor);
    // Weights go through several steps until they are what a layer reads.
    this.left = factor * (2 ** 26 + 64 * stored);
  }

  /** Throws CompileError EXPANDS_TOO_FAR where a node makes more elements than there is room for. */
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

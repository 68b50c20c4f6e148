/**
 * How far from the ends of the image padding begins. Where a map is cut before a layer pads it (the middle of the image, say), cells see padding although all
 * pixels that they depend on lie inside of the image.
 */
import { toNumber } from '../../ir/ratio';
import type { Track } from './track';

/** Pixels at the near and at the far end. */
export type Edge = readonly [number, number];

export class Edges {
  private readonly lengths = new Map<string, number>();
  private readonly edges = new Map<string, Edge>();

  /** An image is so long along an axis. */
  image(letter: string, length: unknown): void {
    if (typeof length === 'number') this.lengths.set(letter, Math.min(length, this.lengths.get(letter) ?? length));
  }

  /** A map that something pads. */
  found(letter: string, { cells, stride, offset, window }: Track): void {
    const length = this.lengths.get(letter);
    if (length === undefined || typeof cells !== 'number') return;
    const [pace, first] = [toNumber(stride), toNumber(offset)];
    const last = first + pace * (cells - 1);
    const rest = length - (Math.max(first, last) + toNumber(window));
    const [near, far] = this.of(letter);
    // Less than a cell is left over by every stride.
    this.edges.set(letter, [Math.max(near, Math.min(first, last)), Math.max(far, rest >= Math.abs(pace) ? rest : 0)]);
  }

  of(letter: string): Edge {
    return this.edges.get(letter) ?? [0, 0];
  }
}

/**
 * Distance from the ends of the image at which padding begins. If a map is cut before a layer pads it (to the middle of the image, say), cells see padding
 * even though all pixels that they depend on are inside the image.
 */
import { toNumber } from '../../ir/ratio';
import type { Track } from './track';

/** Pixels at the near and at the far end. */
export type Edge = readonly [number, number];

export class Edges {
  private readonly lengths = new Map<string, number>();
  private readonly edges = new Map<string, Edge>();

  /** Records the length of an image along an axis. */
  image(letter: string, length: unknown): void {
    if (typeof length === 'number') this.lengths.set(letter, Math.min(length, this.lengths.get(letter) ?? length));
  }

  /** Records a map that some layer pads. */
  found(letter: string, { cells, stride, offset, window }: Track): void {
    const length = this.lengths.get(letter);
    if (length === undefined || typeof cells !== 'number') return;
    const [pace, first] = [toNumber(stride), toNumber(offset)];
    const last = first + pace * (cells - 1);
    const rest = length - (Math.max(first, last) + toNumber(window));
    const [near, far] = this.of(letter);
    // Any stride can leave over less than one cell, which does not count.
    this.edges.set(letter, [Math.max(near, Math.min(first, last)), Math.max(far, rest >= Math.abs(pace) ? rest : 0)]);
  }

  of(letter: string): Edge {
    return this.edges.get(letter) ?? [0, 0];
  }
}

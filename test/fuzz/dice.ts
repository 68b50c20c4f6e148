/** Choices that follow from a seed. */
import { random } from '../support/seeded';

export class Dice {
  private readonly draw: () => number;

  constructor(seed: number) {
    this.draw = random(seed);
  }

  /** A whole number in 0..n - 1. */
  below(n: number): number {
    return Math.floor(this.draw() * n);
  }

  chance(share: number): boolean {
    return this.draw() < share;
  }

  pick<T>(items: readonly T[]): T {
    const at = this.below(items.length);
    for (const [index, item] of items.entries()) if (index === at) return item;
    throw new Error('nothing to pick from');
  }

  /** A seed for other dice. */
  seed(): number {
    return this.below(2 ** 31);
  }
}

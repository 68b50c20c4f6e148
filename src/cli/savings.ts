/** Savings of each pass: the model's costs are measured before and after every pass that changed it. */
import { costs, total } from '../analysis/cost';
import type { Model } from '../ir/model';
import { tensorByteLength } from '../ir/tensor';
import { bytes, grouped, table } from '../reports/table';
import type { RunOptions } from '../rewrite/manager';

export interface Weight {
  readonly nodes: number;
  readonly parameters: number;
  /** 0 if some costs are unknown. */
  readonly multiplyAdds: number;
  readonly bytes: number;
}

export interface Saving extends Weight {
  readonly pass: string;
}

/** Differences (after minus before), summed over the rounds of a pass. Passes that changed nothing are omitted. */
export class Savings {
  private before: Weight | undefined;
  private readonly byPass = new Map<string, Saving>();

  /** Must be called after every pass, in order. Once sizes are symbolic, multiply-adds are no longer counted. */
  readonly onPass: NonNullable<RunOptions['onPass']> = ({ pass, model, report }) => {
    if (report.edits === 0 && this.before) return;
    const after = weigh(model);
    if (this.before && report.edits > 0) {
      const old = this.byPass.get(pass.name);
      const known = after.multiplyAdds > 0;
      this.byPass.set(pass.name, {
        pass: pass.name,
        nodes: (old?.nodes ?? 0) + after.nodes - this.before.nodes,
        parameters: (old?.parameters ?? 0) + after.parameters - this.before.parameters,
        multiplyAdds: (old?.multiplyAdds ?? 0) + (known ? after.multiplyAdds - this.before.multiplyAdds : 0),
        bytes: (old?.bytes ?? 0) + after.bytes - this.before.bytes,
      });
      this.before = known ? after : { ...after, multiplyAdds: this.before.multiplyAdds };
    } else this.before = after;
  };

  get list(): readonly Saving[] {
    return [...this.byPass.values()].filter(
      ({ nodes, parameters, multiplyAdds, bytes: size }) => nodes || parameters || multiplyAdds || size,
    );
  }
}

function weigh({ graph }: Model): Weight {
  const { parameters, multiplyAdds, complete } = total(costs(graph).values());
  return {
    nodes: graph.nodeCount,
    parameters,
    multiplyAdds: complete ? multiplyAdds : 0,
    bytes: graph.constants.reduce((sum, { constant }) => sum + tensorByteLength(constant), 0),
  };
}

/** Text table of the changes by each pass. */
export function savingLines(savings: readonly Saving[]): string[] {
  const change = (value: number, text: (size: number) => string): string =>
    value === 0 ? '' : `${value < 0 ? '-' : '+'}${text(Math.abs(value))}`;
  return table(
    [
      { title: 'by pass' },
      { title: 'nodes', align: 'right' },
      { title: 'parameters', align: 'right' },
      { title: 'multiply-adds', align: 'right' },
      { title: 'weights', align: 'right' },
    ],
    savings.map(({ pass, nodes, parameters, multiplyAdds, bytes: size }) => [
      `  ${pass}`,
      change(nodes, grouped),
      change(parameters, grouped),
      change(multiplyAdds, grouped),
      change(size, bytes),
    ]),
  );
}

/** Inspection of models whose weight files are missing: reports which ones are missing. */
import { weightsMissing } from '../diagnostics/catalogue';
import type { ReadFileOptions } from '../files';
import type { Terminal } from './terminal';

/** Warns about missing weight files; layers, shapes and costs do not need them. */
export function missingWeights(
  model: string,
  terminal: Terminal,
): { readonly onMissing: NonNullable<ReadFileOptions['onMissing']>; report(): void } {
  const missing = new Map<string, string[]>();
  return {
    onMissing: (tensor, location) => missing.set(location, [...(missing.get(location) ?? []), tensor]),
    report() {
      for (const [location, tensors] of missing) terminal.warning(weightsMissing(model, location, tensors));
    },
  };
}

/** What must not stay behind when the process ends early. */
import { rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A name beside a file, for what will take its place. Without node:crypto, which takes as long to load as a small model to fold. */
export const nameBeside = (target: string): string =>
  join(dirname(target), `.${basename(target)}.${process.pid}-${Math.random().toString(36).slice(2, 10)}.tmp`);

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Removes files and directories when the returned function is called, or when the process ends before that, interrupts included. */
export function removedAtTheLatestOnExit(...paths: readonly string[]): () => void {
  const remove = (): void => {
    process.off('exit', remove);
    for (const signal of SIGNALS) process.off(signal, interrupted);
    for (const path of paths) rmSync(path, { recursive: true, force: true });
  };
  const interrupted = (signal: NodeJS.Signals): void => {
    remove();
    process.kill(process.pid, signal);
  };
  process.on('exit', remove);
  for (const signal of SIGNALS) process.on(signal, interrupted);
  return remove;
}

/** What must not stay behind when the process ends early. */
import { rmSync } from 'node:fs';

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

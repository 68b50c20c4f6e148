/** Progress line on stderr. Nothing is written during the first second. */
import { printable } from '../diagnostics/format';
import type { Stream } from './terminal';

export interface Progress {
  /** Starts a step and shows its label. */
  step(label: string): void;
  /** Fraction of the step that is done, 0 to 1. */
  update(fraction: number): void;
  /** Removes the line. */
  end(): void;
}

export const silentProgress: Progress = { step: () => undefined, update: () => undefined, end: () => undefined };

const DELAY = 1000;
const PERIOD = 100;

export function terminalProgress(stream: Stream, now: () => number = () => performance.now()): Progress {
  const start = now();
  let label = '';
  let fraction: number | undefined;
  let drawn = 0;
  let visible = false;
  const draw = (force: boolean): void => {
    const time = now();
    if (time - start < DELAY || (!force && time - drawn < PERIOD)) return;
    drawn = time;
    visible = true;
    const share = fraction === undefined ? '' : ` ${Math.floor(fraction * 100)} %`;
    const text = `${printable(label)}${share} (${((time - start) / 1000).toFixed(0)} s)`;
    stream.write(`\r\u001b[K${text.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
  };
  const timer = setInterval(() => draw(false), PERIOD);
  timer.unref();
  return {
    step(next) {
      label = next;
      fraction = undefined;
      draw(true);
    },
    update(next) {
      fraction = next;
      draw(false);
    },
    end() {
      clearInterval(timer);
      if (visible) stream.write('\r\u001b[K');
      visible = false;
    },
  };
}

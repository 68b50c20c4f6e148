/** The worker, seen from the page: one job at a time. Cancelling ends the worker; the next job starts a new one, which is given the model again. */
import type { Answer, Ask, JobName, Jobs, Settings } from './protocol';

/** The model or an option is at fault (`isBug` false), or this program. */
export class JobFailed extends Error {
  constructor(
    message: string,
    readonly isBug: boolean,
  ) {
    super(message);
  }
}
/** The job was cancelled. */
export class Cancelled extends Error {}

export class Client {
  private worker: Worker | undefined;
  private stop: ((reason: Error) => void) | undefined;
  /** What a new worker has to do first, to be where the last one was. */
  private files: readonly File[] | undefined;
  private settings: Settings | undefined;

  async run<J extends JobName>(
    job: J,
    give: Jobs[J]['give'],
    onProgress: (doing: string) => void = () => undefined,
  ): Promise<Jobs[J]['get']> {
    if (!this.worker) {
      if (job !== 'open' && this.files) await this.ask('open', { files: this.files }, onProgress);
      if (job !== 'open' && job !== 'convert' && this.settings) await this.ask('convert', this.settings, onProgress);
    }
    const result = await this.ask(job, give, onProgress);
    if (job === 'open') [this.files, this.settings] = [(give as Jobs['open']['give']).files, undefined];
    if (job === 'convert') this.settings = give as Settings;
    return result;
  }

  cancel(): void {
    this.worker?.terminate();
    this.worker = undefined;
    this.stop?.(new Cancelled('cancelled'));
  }

  private ask<J extends JobName>(job: J, give: Jobs[J]['give'], onProgress: (doing: string) => void): Promise<Jobs[J]['get']> {
    this.worker ??= new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    const { worker } = this;
    return new Promise((done, failed) => {
      this.stop = failed;
      worker.onmessage = ({ data }: MessageEvent<Answer>) => {
        if (data.kind === 'progress') onProgress(data.doing);
        else if (data.kind === 'done') done(data.get as Jobs[J]['get']);
        else failed(new JobFailed(data.text, data.isBug));
      };
      worker.onerror = (event) => {
        this.worker = undefined;
        failed(new JobFailed(event.message || 'the worker could not be started', true));
      };
      worker.postMessage({ job, give } satisfies Ask<J>);
    });
  }
}

/** `verify`: run a model and its conversion, say whether they give the same. */
import { verifyFiles } from '../node/verify';
import { formatVerifyReport } from '../verify/report';
import type { VerifyArgs } from './commands';
import { EXIT } from './exit';
import type { Terminal } from './terminal';
import { inputSize, verifyOptions } from './values';

export async function verifyCommand(args: VerifyArgs, terminal: Terminal): Promise<number> {
  const options = verifyOptions(args);
  const size = args.inputSize?.length ? inputSize(args.inputSize) : undefined;
  const progress = terminal.progress();
  try {
    const report = await verifyFiles(args.original, args.converted, {
      ...options,
      inputSize: size,
      tfjsBackend: args.tfjsBackend,
      allowSymlinks: args.allowSymlinks,
      warn: (warning) => terminal.warning(warning),
      onProgress: (doing) => progress.step(doing),
    });
    progress.end();
    if (args.json) terminal.result(JSON.stringify(report, undefined, 2));
    else terminal.report([`${args.original} and ${args.converted}`, formatVerifyReport(report)]);
    return report.verdict === 'equal' ? EXIT.done : EXIT.different;
  } finally {
    progress.end();
  }
}

/** `verify`: run two models, say whether they give the same. */
import { verifyFiles } from '../node/verify';
import { formatVerifyReport } from '../verify/report';
import type { VerifyArgs } from './commands';
import { EXIT } from './exit';
import type { Terminal } from './terminal';
import { inputSize, mapping, positiveNumber, verifyOptions } from './values';

export async function verifyCommand(args: VerifyArgs, terminal: Terminal): Promise<number> {
  const { saveInputs: folder } = args;
  const size = args.inputSize?.length ? inputSize(args.inputSize) : undefined;
  const { saveInputs } = await import('../node/save-inputs');
  const progress = terminal.progress();
  try {
    const report = await verifyFiles(args.original, args.converted, {
      ...verifyOptions(args),
      samples: positiveNumber('samples', args.samples),
      inputs: args.inputs,
      map: mapping(args.map),
      relation: args.relation,
      inputSize: size,
      tfjsBackend: args.tfjsBackend,
      allowSymlinks: args.allowSymlinks,
      onSamples: folder === undefined ? undefined : (samples) => saveInputs(folder, samples),
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

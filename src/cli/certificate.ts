/** `verify --certificate`: checks the record against the files. */

import { type CertificateCheck, checkCertificate } from '../certificate/check';
import { usage } from '../diagnostics/catalogue';
import { printable } from '../diagnostics/format';
import { bytes, grouped } from '../reports/table';
import type { VerifyArgs } from './commands';
import { EXIT } from './exit';
import type { Terminal } from './terminal';

export function certificateCommand(path: string, args: VerifyArgs, terminal: Terminal): number {
  const [original, converted, more] = args.models;
  if (more !== undefined || (original !== undefined && converted === undefined))
    throw usage('--certificate takes ORIGINAL and CONVERTED, or neither where they lie as it says', 'verify');
  const progress = terminal.progress();
  try {
    const check = checkCertificate(path, {
      original,
      converted,
      allowSymlinks: args.allowSymlinks,
      warn: (warning) => terminal.warning(warning),
      onProgress: (doing) => progress.step(doing),
    });
    progress.end();
    if (args.json) terminal.result(JSON.stringify({ ...check, valid: check.problems.length === 0 }, undefined, 2));
    else terminal.report(certificateText(path, check));
    return check.problems.length === 0 ? EXIT.done : EXIT.different;
  } finally {
    progress.end();
  }
}

/** Maximum number of problems reported per kind. */
const MANY = 4;

export function certificateText(
  path: string,
  { certificate, original, converted, problems, weights, seconds }: CertificateCheck,
): string[] {
  const row = (name: string, text: string): string => printable(`  ${name.padEnd(19)}${text}`);
  const state = (about: string, good: string): string => {
    const found = problems.filter((problem) => problem.about === about).map(({ message }) => message);
    const more = found.length > MANY ? `; and ${found.length - MANY} more: --json has all` : '';
    return found.length === 0 ? good : found.slice(0, MANY).join('; ') + more;
  };
  const { rewrites, verification } = certificate;
  const counted = (numbers: string): string => grouped(rewrites.filter((rewrite) => rewrite.numbers === numbers).length);
  const computed = certificate.weights.filter(({ kind }) => kind === 'computed').length;
  const { compared, permuted, permutedBytes, hashed } = weights;
  return [
    printable(`${path}: ${original} -> ${converted}`),
    row('record', state('certificate', `whole, made by convolutionize ${certificate.program}`)),
    row('original', state('original', 'the file that was recorded')),
    row('converted', state('converted', 'the file that was recorded')),
    ...problems.filter(({ about }) => about === 'graph').map(({ message }) => row('graph', message)),
    row(
      'weights',
      state(
        'weight',
        `${grouped(compared)} (${bytes(weights.bytes)}) are the same bytes as in the original, compared; ${
          permuted > 0
            ? `${grouped(permuted)} (${bytes(permutedBytes)}) are these with their axes in another order, permuted again and compared; `
            : ''
        }${grouped(computed)} were computed, ${grouped(hashed)} hashed`,
      ),
    ),
    row(
      'rewrites',
      `${grouped(rewrites.length)}: ${counted('identical')} leave the numbers alone, ${counted('reordered')} add in another order, ${counted('rounding')} recompute`,
    ),
    row(
      'verification',
      verification
        ? `${verification.verdict} when it was converted, ${verification.verdict === 'measured' ? 'held to no bound' : `within ${verification.tolerance.toExponential(1)}`}`
        : 'was not run when it was converted',
    ),
    row(
      'verdict',
      `${problems.length === 0 ? 'valid' : 'NOT VALID'} (${seconds.toFixed(1)} s, nothing was run; a record, no signature: who can write it can write another)`,
    ),
  ];
}

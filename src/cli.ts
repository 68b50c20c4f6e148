/** The program: arguments in, exit code out. All else is in src/cli and below. */
import { EXIT } from './cli/exit';
import { main } from './cli/main';
import { cannotPrint } from './diagnostics/catalogue';
import { formatDiagnostic } from './diagnostics/format';

// A reader that has seen enough, such as `head`, closes the pipe: no reason to complain.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') {
    process.stderr.write(`${formatDiagnostic(cannotPrint(error.message).diagnostic)}\n`);
    process.exit(EXIT.fault);
  }
  process.exit(process.exitCode ?? 0);
});
// Nobody can be told.
process.stderr.on('error', () => undefined);

// What escapes `main` is a bug of ours, and must not look like "not equivalent".
process.on('uncaughtException', (error) => {
  process.stderr.write(`error[INTERNAL]: convolutionize has a bug: ${error.stack ?? error.message}\n`);
  process.exit(EXIT.bug);
});

main(process.argv.slice(2), process).then((code) => {
  process.exitCode = code;
});

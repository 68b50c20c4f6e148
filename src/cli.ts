/** The program: arguments in, exit code out. All else is in src/cli and below. */
import { main } from './cli/main';

// A reader that has seen enough, such as `head`, closes the pipe: no reason to complain.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode ?? 0);
});

main(process.argv.slice(2), process).then((code) => {
  process.exitCode = code;
});

/**
 * A script for `node --require`: the program tells its peak memory in kB on stderr when it ends ("peak 66000"). VmHWM where Linux tells it: the peak of the
 * program alone. What getrusage tells counts the program that started it.
 */
export const PEAK = `process.on('exit', () => {
  let peak = process.resourceUsage().maxRSS;
  try { peak = /VmHWM:\\s*(\\d+)/.exec(require('node:fs').readFileSync('/proc/self/status', 'utf8'))[1]; } catch {}
  process.stderr.write('\\npeak ' + peak + '\\n');
});`;

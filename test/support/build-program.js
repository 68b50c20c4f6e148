/** Builds the program once for all specs of a run (Jest's globalSetup); they find it by an environment variable. Removed by remove-program.js. */
const { execFileSync } = require('node:child_process');
const { join } = require('node:path');

const root = join(__dirname, '../..');

module.exports = () => {
  // Below node_modules, so that the program finds the packages that are not bundled.
  const file = join(root, 'node_modules/.cache/convolutionize', `test-${process.pid}-${Date.now()}`, 'cli.js');
  execFileSync(process.execPath, [join(root, '.ci/build.mjs'), '--program', file], { stdio: 'pipe' });
  process.env.CONVOLUTIONIZE_TEST_PROGRAM = file;
};

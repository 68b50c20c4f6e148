/** Removes what build-program.js has built (Jest's globalTeardown). */
const { rmSync } = require('node:fs');
const { dirname } = require('node:path');

module.exports = () => {
  const file = process.env.CONVOLUTIONIZE_TEST_PROGRAM;
  if (file) rmSync(dirname(file), { recursive: true, force: true });
};

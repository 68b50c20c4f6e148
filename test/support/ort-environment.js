/**
 * Jest environment in which native addons see the same typed arrays as the tests.
 * Jest gives each test file its own realm; onnxruntime-node checks `instanceof Float32Array` of the outer realm and would refuse ours.
 */
// Tests that load the library themselves; the program says so to the process that loads it.
process.env.ORT_DISABLE_TELEMETRY = '1';

const { TestEnvironment } = require('jest-environment-node');

class OrtEnvironment extends TestEnvironment {
  async setup() {
    await super.setup();
    for (const name of [
      'ArrayBuffer',
      'SharedArrayBuffer',
      'DataView',
      'Uint8Array',
      'Uint8ClampedArray',
      'Uint16Array',
      'Uint32Array',
      'Int8Array',
      'Int16Array',
      'Int32Array',
      'Float32Array',
      'Float64Array',
      'BigInt64Array',
      'BigUint64Array',
    ]) {
      this.global[name] = globalThis[name];
    }
  }
}
module.exports = OrtEnvironment;

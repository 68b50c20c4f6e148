/**
 * Loaded in front of the program, and of every process that it starts (NODE_OPTIONS): notes what speaks to a network, and with what in its environment the native
 * runtime is loaded, in the file that PRIVACY_LOG names.
 */
const { appendFileSync } = require('node:fs');
const Module = require('node:module');

const log = process.env.PRIVACY_LOG ?? '';
/** @param {string} text */
const note = (text) => appendFileSync(log, `${text}\n`);

/** @param {Record<string, unknown>} holder @param {string} name @param {string} what */
function listen(holder, name, what) {
  const original = holder[name];
  if (typeof original !== 'function') return;
  /** @this {unknown} @param {...unknown} args */
  holder[name] = function (...args) {
    note(`network: ${what}.${name}`);
    return original.apply(this, args);
  };
}

const [net, dns, dgram, http, https, http2, tls] = ['net', 'dns', 'dgram', 'http', 'https', 'http2', 'tls'].map((name) =>
  require(`node:${name}`),
);
listen(net.Socket.prototype, 'connect', 'Socket');
for (const name of ['connect', 'createConnection', 'createServer']) listen(net, name, 'net');
for (const name of ['lookup', 'resolve', 'resolve4', 'resolve6', 'resolveAny']) {
  listen(dns, name, 'dns');
  listen(dns.promises, name, 'dns.promises');
}
listen(dgram, 'createSocket', 'dgram');
for (const name of ['request', 'get']) {
  listen(http, name, 'http');
  listen(https, name, 'https');
}
listen(http2, 'connect', 'http2');
listen(tls, 'connect', 'tls');
listen(globalThis, 'fetch', 'globalThis');

const load = Reflect.get(Module, '_load');
/** @this {unknown} @param {string} request @param {...unknown} rest */
function watched(request, ...rest) {
  if (request === 'onnxruntime-node') note(`runtime: ORT_DISABLE_TELEMETRY=${process.env.ORT_DISABLE_TELEMETRY}`);
  return load.call(this, request, ...rest);
}
Reflect.set(Module, '_load', watched);
note('loaded');

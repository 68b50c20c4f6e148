/** `playground`: serves the page of this package on this machine, until it is interrupted. */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { badOption, cannotServe } from '../diagnostics/catalogue';
import { reasonOf } from '../files/file-source';
import { table } from '../ir/table';
import type { PlaygroundArgs } from './commands';
import { EXIT } from './exit';
import type { Terminal } from './terminal';

const TYPES = table({
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
});

/** What the page itself declares, and the headers with which a browser allows threads. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

export async function playgroundCommand({ port, json }: PlaygroundArgs, terminal: Terminal): Promise<number> {
  const number = portOf(port);
  // The build puts it beside the program.
  const server = serving(join(__dirname, 'playground'));
  const url = await listening(server, number);
  if (json) terminal.result(JSON.stringify({ url }));
  else terminal.report([`The playground is at ${url}`, 'Nothing leaves this machine. Press Ctrl-C to end it.']);
  await new Promise((resolve) => server.on('close', resolve));
  return EXIT.done;
}

/** Serves the files of a folder to this machine, and nothing else. */
export function serving(folder: string): Server {
  const files = new Set(readdirSync(folder));
  return createServer((request, response) => answer(folder, files, request, response));
}

function answer(
  folder: string,
  files: ReadonlySet<string>,
  { method, url = '/', headers }: IncomingMessage,
  response: ServerResponse,
): void {
  const [path = ''] = url.split(/[?#]/);
  const name = path === '/' ? 'index.html' : path.slice(1);
  const refused = refusal(headers.host, method) ?? (files.has(name) ? undefined : ([404, 'not found'] as const));
  if (refused) {
    response.writeHead(refused[0], { ...HEADERS, 'content-type': 'text/plain' });
    response.end(refused[1]);
    return;
  }
  response.writeHead(200, { ...HEADERS, 'content-type': TYPES[extname(name)] ?? 'application/octet-stream' });
  response.end(method === 'HEAD' ? undefined : readFileSync(join(folder, name)));
}

function refusal(host = '', method = ''): readonly [number, string] | undefined {
  // A page elsewhere must not reach it by a name of its own that leads here.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host)) return [403, 'only for this machine'];
  return method === 'GET' || method === 'HEAD' ? undefined : [405, 'only GET'];
}

function portOf(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) throw badOption('port', text, 'a number from 0 to 65535; 0 takes any that is free');
  return Number(text);
}

async function listening(server: Server, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotServe(port, reasonOf(error))));
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : port}/`;
}

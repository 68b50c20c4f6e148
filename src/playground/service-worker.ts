/**
 * Keeps the page for when there is no network: all of its files are fetched at the first load and served from then on. They are also given the headers that
 * threads need, for hosts that cannot send them.
 */
/** Set by the build: a name for this version, and its files. */
declare const VERSION: string;
declare const FILES: readonly string[];

interface Lifetime extends Event {
  waitUntil(done: Promise<unknown>): void;
}
interface Fetching extends Lifetime {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface Scope extends EventTarget {
  readonly location: Location;
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
}
const scope = globalThis as unknown as Scope;
const home = new URL('./', scope.location.href);

scope.addEventListener('install', (event) => {
  const fill = async (): Promise<void> => {
    const cache = await caches.open(VERSION);
    await cache.addAll(FILES.map((file) => new URL(file, home).href));
    await scope.skipWaiting();
  };
  (event as Lifetime).waitUntil(fill());
});

scope.addEventListener('activate', (event) => {
  const tidy = async (): Promise<void> => {
    // Other pages of the same origin have caches of their own.
    for (const name of await caches.keys()) if (name.startsWith('convolutionize-') && name !== VERSION) await caches.delete(name);
    await scope.clients.claim();
  };
  (event as Lifetime).waitUntil(tidy());
});

scope.addEventListener('fetch', (event) => {
  const { request, respondWith } = event as Fetching;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== home.origin || !url.pathname.startsWith(home.pathname)) return;
  respondWith.call(event, served(request, url));
});

async function served(request: Request, url: URL): Promise<Response> {
  const cache = await caches.open(VERSION);
  const found = await cache.match(new URL(url.pathname, url.origin).href);
  return isolated(found ?? (await fetch(request)));
}

function isolated(response: Response): Response {
  if (response.type === 'opaque' || response.status === 0) return response;
  const headers = new Headers(response.headers);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

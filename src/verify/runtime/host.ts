/**
 * The process that runs models, seen from this one: started when a model is first run, shared by all sessions, and ended soon after the last of them.
 * A model that crashes the runtime ends only that process: pending requests are rejected with RuntimeDied, and the next session starts a new process.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import { runtimeMissing } from '../../diagnostics/catalogue';
import type { RuntimeChoice } from '../onnx-runner';
import { FrameReader, type Header, sendFrame } from './frames.js';

export interface RuntimeInfo {
  readonly runtime: 'native' | 'wasm';
  readonly version: string;
}

export interface Reply {
  readonly header: Header;
  readonly parts: readonly ArrayBuffer[];
}

/** The process ended while requests were pending. */
export class RuntimeDied extends Error {}

/** Verification opens one session after another: the time that the process waits for the next. */
const LINGER_MS = 2000;

export class RuntimeHost {
  private readonly child: ChildProcess;
  private readonly channel: Duplex;
  private readonly waiting = new Map<number, { readonly done: (reply: Reply) => void; readonly failed: (error: Error) => void }>();
  private readonly info: Promise<RuntimeInfo>;
  private readonly kill = (): void => void this.child.kill('SIGKILL');
  private users = 0;
  private asked = 0;
  private timer: NodeJS.Timeout | undefined;
  private lastWords = '';
  private died: RuntimeDied | undefined;
  private isRetired = false;

  constructor(
    choice: RuntimeChoice,
    private readonly onEnd: () => void,
  ) {
    // Not fork(): the flags of this process (such as a debugger's port) must not apply to the other one.
    this.child = spawn(process.execPath, [join(__dirname, 'worker.js'), choice], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
      windowsHide: true,
    });
    this.channel = this.child.stdio[3] as Duplex;
    this.child.stderr?.on('data', (bytes: Buffer) => {
      this.lastWords = (this.lastWords + bytes.toString()).slice(-2000);
    });
    // Occurs when writing to a process that has died, whose end is reported separately.
    this.channel.on('error', () => undefined);
    this.info = new Promise((resolve, reject) => {
      const ready = ({ header }: Reply): void => {
        const { runtime, version } = { runtime: undefined, version: '', ...(header.ready as object | undefined) };
        if (runtime === 'native' || runtime === 'wasm') resolve({ runtime, version });
        else reject(runtimeMissing(choice, String(header.missing ?? '')));
      };
      this.waiting.set(0, { done: ready, failed: reject });
    });
    // Awaited by whoever opens a session; before that, nobody handles a rejection.
    this.info.catch(() => undefined);
    const reader = new FrameReader((header, parts) => this.answered({ header, parts }));
    this.channel.on('data', (bytes: Buffer) => reader.push(bytes));
    this.child.on('error', (error) => this.ended(error.message));
    this.child.on('close', (code, signal) => this.ended(signal ? `it was ended by ${signal}` : `it ended with code ${code}`));
    process.on('exit', this.kill);
    this.letGo();
  }

  get pid(): number | undefined {
    return this.child.pid;
  }
  get isAlive(): boolean {
    return this.died === undefined && !this.isRetired;
  }

  /** A process that was told to end must not be handed out any more, although its end is only known later. */
  private retire(): void {
    this.isRetired = true;
    this.onEnd();
    this.kill();
  }

  /** Keeps the process alive until the returned function is called. */
  use(): () => void {
    this.users++;
    clearTimeout(this.timer);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      if (--this.users > 0) return;
      this.timer = setTimeout(() => this.retire(), LINGER_MS).unref();
    };
  }

  /** Resolves when the runtime is loaded. Rejects with CompileError RUNTIME_MISSING, or RuntimeDied. */
  async ready(): Promise<RuntimeInfo> {
    if (this.waiting.size > 0) this.hold();
    return this.info;
  }

  /** Sends a request. Rejects with RuntimeDied, or with an Error with the runtime's own message. */
  async ask(header: { readonly [key: string]: unknown }, parts: readonly ArrayBufferView[] = []): Promise<Reply> {
    if (this.died) throw this.died;
    const id = ++this.asked;
    this.hold();
    return new Promise((done, failed) => {
      this.waiting.set(id, { done, failed });
      sendFrame(this.channel, { ...header, id }, parts);
    });
  }

  private answered(reply: Reply): void {
    const id = Number(reply.header.id ?? 0);
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (this.waiting.size === 0) this.letGo();
    if (typeof reply.header.failed === 'string') waiting?.failed(new Error(reply.header.failed));
    else waiting?.done(reply);
  }

  private ended(how: string): void {
    if (this.died) return;
    const words = this.lastWords.trim().split('\n').slice(-3).join(' / ');
    this.died = new RuntimeDied(words === '' ? how : `${how}, and said: ${words}`);
    process.off('exit', this.kill);
    clearTimeout(this.timer);
    for (const { failed } of this.waiting.values()) failed(this.died);
    this.waiting.clear();
    this.onEnd();
  }

  /** Lets this process end when keeping the other one is all that is left to do. */
  private letGo(): void {
    for (const handle of [this.child, this.channel, this.child.stderr]) unref(handle);
  }
  private hold(): void {
    this.child.ref();
    for (const handle of [this.channel, this.child.stderr]) ref(handle);
  }
}

type Handle = ChildProcess | Duplex | Readable | null;
const unref = (handle: Handle): void => void (handle && 'unref' in handle && typeof handle.unref === 'function' && handle.unref());
const ref = (handle: Handle): void => void (handle && 'ref' in handle && typeof handle.ref === 'function' && handle.ref());

/** Running processes, by the requested runtime: state of this process, like a connection. */
const hosts = new Map<RuntimeChoice, RuntimeHost>();

/** Starts the process if none is running. If called early, the process is ready when the first model is. */
export function runtimeHost(choice: RuntimeChoice = 'auto'): RuntimeHost {
  const known = hosts.get(choice);
  if (known?.isAlive) return known;
  const host: RuntimeHost = new RuntimeHost(choice, () => {
    if (hosts.get(choice) === host) hosts.delete(choice);
  });
  hosts.set(choice, host);
  return host;
}

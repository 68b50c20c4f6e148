/** Devices and pipes: written to from start to end, never replaced. */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { interruptible } from './temporary';

const STRETCH = 1 << 20;

/** Pause before retrying to write to a full, non-blocking pipe. */
const PAUSE_MS = 5;

export function sendBytes(path: string, bytes: Uint8Array): void {
  toStream(path, (write) => write(bytes));
}

/** Writes the content of a file. */
export function sendFile(path: string, from: string): void {
  const source = openSync(from, 'r');
  const buffer = Buffer.allocUnsafe(STRETCH);
  try {
    toStream(path, (write) => {
      for (let count = readSync(source, buffer); count > 0; count = readSync(source, buffer)) write(buffer.subarray(0, count));
    });
  } finally {
    closeSync(source);
  }
}

function toStream(path: string, use: (write: (bytes: Uint8Array) => void) => void): void {
  // Opening a pipe waits for its reader, and so does writing to a full one.
  interruptible(() => {
    const stream = openSync(path, constants.O_WRONLY);
    try {
      use((bytes) => {
        for (let done = 0; done < bytes.length; ) done += patiently(() => writeSync(stream, bytes, done, bytes.length - done));
      });
    } finally {
      closeSync(stream);
    }
  });
}

function patiently(write: () => number): number {
  for (;;) {
    try {
      return write();
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}

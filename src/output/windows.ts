/**
 * File behaviour that is specific to Windows. The platform is a parameter, so that it can be tested on any system.
 *
 * - A program that scans or indexes a file (a virus scanner, an editor) keeps it open for a moment, during which it cannot be renamed or replaced.
 * - Names such as NUL and COM1 are devices, in any folder and with any extension: data written there is lost. A colon in a name opens a stream of the file.
 */
import { renameSync } from 'node:fs';
import { win32 } from 'node:path';

/** In milliseconds: two and a half seconds in total. */
const PAUSES = [10, 20, 40, 80, 160, 320, 640, 1280];
const HELD: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'EBUSY']);

/** Renames; on Windows, retries for a while if another program has the file open. */
export function rename(
  from: string,
  to: string,
  {
    platform = process.platform,
    attempt = renameSync,
    pause = sleep,
  }: { platform?: NodeJS.Platform; attempt?: typeof renameSync; pause?: (milliseconds: number) => void } = {},
): void {
  for (const wait of platform === 'win32' ? PAUSES : []) {
    try {
      attempt(from, to);
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && typeof error.code === 'string' && HELD.has(error.code))) throw error;
      pause(wait);
    }
  }
  attempt(from, to);
}

const sleep = (milliseconds: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

/** The reason why a path is not a file on Windows; undefined if it is one, and on other systems. */
export function noFileOnWindows(path: string, platform: NodeJS.Platform = process.platform): string | undefined {
  if (platform !== 'win32') return undefined;
  const parts = path.slice(win32.parse(path).root.length).split(/[/\\]/);
  const device = parts.find((part) => /^(?:con|prn|aux|nul|conin\$|conout\$|com[1-9¹²³]|lpt[1-9¹²³]) *(?:[.:].*)?$/i.test(part));
  if (device !== undefined) return `'${device}' is a device on Windows`;
  const stream = parts.find((part) => part.includes(':'));
  return stream === undefined ? undefined : `'${stream}' has a colon, which Windows does not allow in a name`;
}

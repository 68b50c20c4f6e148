/**
 * What Windows does with files that other systems do not. The system is a parameter, so that both are tested on any.
 *
 * - A program that scans or indexes a file (a virus scanner, an editor) holds it open for a moment, and it cannot be renamed or replaced meanwhile.
 * - Names such as NUL and COM1 are devices, in any folder and with any ending: what is written there is lost. A colon in a name opens a stream beside a file.
 */
import { renameSync } from 'node:fs';
import { win32 } from 'node:path';

/** In milliseconds: two seconds and a half in all. */
const PAUSES = [10, 20, 40, 80, 160, 320, 640, 1280];
const HELD: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'EBUSY']);

/** Renames, on Windows again and again for a while where another program holds the file. */
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

/** Why a path is no file on Windows; undefined where it is one, and on other systems. */
export function noFileOnWindows(path: string, platform: NodeJS.Platform = process.platform): string | undefined {
  if (platform !== 'win32') return undefined;
  const parts = path.slice(win32.parse(path).root.length).split(/[/\\]/);
  const device = parts.find((part) => /^(?:con|prn|aux|nul|conin\$|conout\$|com[1-9¹²³]|lpt[1-9¹²³]) *(?:[.:].*)?$/i.test(part));
  if (device !== undefined) return `'${device}' is a device on Windows`;
  const stream = parts.find((part) => part.includes(':'));
  return stream === undefined ? undefined : `'${stream}' has a colon, which Windows does not allow in a name`;
}

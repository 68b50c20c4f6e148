/** NumPy's archive of arrays (.npz): a zip of .npy files. The unpacked size is limited before anything is unpacked. */
import { unzipSync } from 'fflate';
import { arrayDamaged, arrayTooLarge } from '../../diagnostics/catalogue';
import { CompileError } from '../../diagnostics/compile-error';
import { limitsFactor } from '../../files/limits';
import type { Bytes } from '../stored';
import { memoryBytes, mostHeld } from './bytes';

/** Unpacked bytes allowed for any archive, and per byte of a larger archive. */
const ANY_ARCHIVE = 2 ** 28;
const PER_BYTE = 64;

export const isZip = (start: Uint8Array): boolean => start[0] === 0x50 && start[1] === 0x4b && (start[2] === 3 || start[2] === 5);

/** Bytes of each .npy entry, by its name without the extension. Throws CompileError ARRAY_DAMAGED, ARRAY_TOO_LARGE. */
export function npzArrays(
  bytes: Bytes,
  file: string,
  damaged = (reason: string): CompileError => arrayDamaged(file, reason),
): ReadonlyMap<string, Bytes> {
  const most = Math.min(limitsFactor() * Math.max(ANY_ARCHIVE, PER_BYTE * bytes.length), mostHeld());
  if (bytes.length > most)
    throw arrayTooLarge(file, `it has ${bytes.length} bytes`, 'save its arrays as .npy files, which are read piece by piece');
  let total = 0;
  try {
    const entries = unzipSync(bytes.read(0, bytes.length), {
      filter({ name, originalSize }) {
        if (!name.endsWith('.npy')) return false;
        total += originalSize;
        // An entry cannot exceed the size that it claims, since it is unpacked into a buffer of that size.
        if (total > most)
          throw arrayTooLarge(
            file,
            `its arrays claim to have ${total.toLocaleString('en')} bytes, more than an archive of ${bytes.length.toLocaleString('en')} may hold (${Math.floor(most).toLocaleString('en')})`,
            'an archive that expands like this is damaged or hostile; if it is meant to be, raise all limits with CONVOLUTIONIZE_LIMITS=10 (ten times)',
          );
        return true;
      },
    });
    return new Map(Object.entries(entries).map(([name, content]) => [name.slice(0, -'.npy'.length), memoryBytes(content)]));
  } catch (error) {
    if (error instanceof CompileError) throw error;
    throw damaged(`it is not a zip archive: ${error instanceof Error ? error.message : String(error)}`);
  }
}

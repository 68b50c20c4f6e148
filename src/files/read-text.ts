/** Small text files. */

import { cannotRead } from '../diagnostics/catalogue';
import { readInput } from '../output';
import { reasonOf } from './file-source';

/** Throws CompileError CANNOT_READ. */
export function readText(file: string): string {
  try {
    return readInput(file).toString('utf8');
  } catch (error) {
    throw cannotRead(file, reasonOf(error));
  }
}

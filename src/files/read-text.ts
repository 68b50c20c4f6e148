/** Small text files. */
import { readFileSync } from 'node:fs';
import { cannotRead } from '../diagnostics/catalogue';
import { reasonOf } from './file-source';

/** Throws CompileError CANNOT_READ. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw cannotRead(file, reasonOf(error));
  }
}

import { CompileError } from '../../src/diagnostics/compile-error';

/** The code of the CompileError that an action throws, or 'none'. */
export function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof CompileError) return error.code;
    throw error;
  }
  return 'none';
}

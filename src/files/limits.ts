/** CONVOLUTIONIZE_LIMITS: a factor for all limits on what a small file may expand to. It applies to every command and the processes that it starts. */
import { badVariable } from '../diagnostics/catalogue';

/** Reads the factor. Throws CompileError BAD_VARIABLE. */
export function limitsFactor(): number {
  const text = process.env.CONVOLUTIONIZE_LIMITS;
  if (text === undefined || text === '') return 1;
  const factor = Number(text);
  if (!(factor > 0) || !Number.isFinite(factor)) throw badVariable('CONVOLUTIONIZE_LIMITS', text, 'a number above 0, such as 10');
  return factor;
}

/** What the verification says of a conversion, right or spoilt. */
import type { Contract } from '../../../src/analysis/contract';
import { type CompileOptions, compile, cuttable, freeSizes } from '../../../src/compile';
import { windowLengths } from '../../../src/compile/input-size';
import type { Model } from '../../../src/ir/model';
import { modelToBytes } from '../../../src/onnx/write';
import { verifyModels } from '../../../src/verify/equivalence';
import type { VerifyReport } from '../../../src/verify/report';
import { openSession } from '../../../src/verify/runtime/node';
import type { Fault } from './faults';

/** The network has no place for a fault. */
export class NoPlace extends Error {}

/**
 * `claim`: what is said of the conversion in place of what it says. undefined: the contract has no such claim. Throws NoPlace where a fault has none, and
 * CompileError where the network cannot be converted.
 */
export async function judged(
  source: Model,
  fault?: Fault,
  options: CompileOptions & { readonly samples?: number; readonly claim?: (contract: Contract) => Contract | undefined } = {},
): Promise<VerifyReport | undefined> {
  const { samples = 10, claim, ...how } = options;
  const { model, original, report } = compile(source, how);
  const declared = new Map(model.graph.outputs.map((output) => [output.name, output.type?.shape] as const));
  const rows = report.windows[0] && windowLengths(report.windows[0])[0];
  const reason = fault?.(model, rows ?? 1);
  if (reason !== undefined) throw new NoPlace(reason);
  const contract = claim ? claim(report.contract) : report.contract;
  if (!contract) return undefined;
  return verifyModels({
    original: { source: modelToBytes(original), model: original },
    converted: { source: modelToBytes(model), model },
    verbatim: () => source.clone(),
    declared,
    windows: report.windows,
    contract,
    density: report.density,
    head: report.head,
    free: freeSizes,
    cuttable,
    open: openSession,
    place: (part) => modelToBytes(part),
    options: { samples },
  });
}

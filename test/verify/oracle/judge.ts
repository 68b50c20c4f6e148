/** What the verification says of a conversion, right or spoilt. */
import { type CompileOptions, compile, cuttable, freeSizes } from '../../../src/compile';
import type { Model } from '../../../src/ir/model';
import { modelToBytes } from '../../../src/onnx/write';
import { verifyModels } from '../../../src/verify/equivalence';
import type { VerifyReport } from '../../../src/verify/report';
import type { Fault } from './faults';

/** undefined: the network has no place for the fault. Throws CompileError where it cannot be converted. */
export async function judged(
  source: Model,
  fault?: Fault,
  options: CompileOptions & { readonly samples?: number } = {},
): Promise<VerifyReport | undefined> {
  const { samples = 10, ...how } = options;
  const { model, original, report } = compile(source, how);
  const declared = new Map(model.graph.outputs.map((output) => [output.name, output.type?.shape] as const));
  if (fault && !fault(model)) return undefined;
  return verifyModels({
    original: { source: modelToBytes(original), model: original },
    converted: { source: modelToBytes(model), model },
    verbatim: () => source.clone(),
    declared,
    windows: report.windows,
    contract: report.contract,
    density: report.density,
    head: report.head,
    free: freeSizes,
    cuttable,
    place: (part) => modelToBytes(part),
    options: { samples },
  });
}

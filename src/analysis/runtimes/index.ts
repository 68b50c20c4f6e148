/** Compares a model with the operators that a runtime documents (data.ts): which nodes it does not have, and what would help. */

import { allNodes } from '../../ir/graph';
import type { Model } from '../../ir/model';
import type { Node } from '../../ir/types';
import { isConst } from '../../ir/types';
import { type RuntimeData, runtimeData } from './data';

export type RuntimeName = keyof typeof runtimeData;
export const runtimeNames: readonly RuntimeName[] = ['webnn', 'coreml', 'qnn', 'tflite', 'opencv-dnn'];
export const runtimeOf = (name: RuntimeName): RuntimeData => runtimeData[name];

/** Nodes of one operator that the runtime lacks. */
export interface Lacking {
  readonly op: string;
  readonly nodes: readonly string[];
  /** Pass or option that would help; undefined if none is known. */
  readonly help: string | undefined;
}

export interface RuntimeReport {
  readonly runtime: RuntimeName;
  readonly title: string;
  readonly source: string;
  readonly version: string;
  readonly nodes: number;
  /** Number of nodes whose operator is in the table. */
  readonly known: number;
  readonly lacking: readonly Lacking[];
  /** Further obstacles: open sizes, element types. */
  readonly remarks: readonly string[];
}

export function runtimeReport({ graph, opsets }: Model, runtime: RuntimeName): RuntimeReport {
  const { title, source, version, fixedSizes } = runtimeData[runtime];
  const known = operatorsOf(runtime);
  const nodes = allNodes(graph);
  const lacking = new Map<string, string[]>();
  for (const node of nodes) if (!known.has(node.op)) lacking.set(node.op, [...(lacking.get(node.op) ?? []), node.name]);
  const open = graph.inputs.filter(({ type }) => !type?.shape?.every((dim) => typeof dim === 'number'));
  const types = new Set([...graph.inputs, ...nodes.flatMap(({ outputs }) => outputs)].map(({ type }) => type?.dtype));
  const rare = (['bfloat16', 'double'] as const).filter((dtype) => types.has(dtype));
  const computed = nodes.filter(readsComputedSettings);
  return {
    runtime,
    title,
    source,
    version,
    nodes: nodes.length,
    known: nodes.length - [...lacking.values()].flat().length,
    lacking: [...lacking]
      .map(([op, names]) => ({ op, nodes: names, help: helpFor(op, opsets.get('')) }))
      .sort((a, b) => b.nodes.length - a.nodes.length || a.op.localeCompare(b.op)),
    remarks: [
      ...(fixedSizes && open.length > 0
        ? [`input '${open[0]?.name}' has open sizes, and ${title} takes constant ones: convert --fix-size, --batch`]
        : []),
      ...(fixedSizes && computed.length > 0
        ? [
            `${computed.length} nodes take shapes or positions that are computed (${computed[0]?.op} '${computed[0]?.name}'): --fix-size computes them`,
          ]
        : []),
      ...rare.map((dtype) => `it computes in ${dtype}: --float32 makes it float32`),
    ],
  };
}

export const operatorsOf = (runtime: RuntimeName): ReadonlySet<string> => new Set(runtimeData[runtime].operators.trim().split(/\s+/));

/** Slots that hold a shape or positions, which accelerators want as constants. */
const SETTINGS: ReadonlyMap<string, readonly number[]> = new Map([
  ['Reshape', [1]],
  ['Expand', [1]],
  ['Slice', [1, 2, 3, 4]],
  ['Resize', [2, 3]],
  ['Pad', [1]],
  ['Tile', [1]],
]);
const readsComputedSettings = ({ op, inputs }: Node): boolean =>
  (SETTINGS.get(op) ?? []).some((slot) => inputs[slot] !== undefined && !isConst(inputs[slot]));

const SIZES = '--fix-size computes it: at one size, all sizes are constants';
const OPENED = 'convert writes it as ordinary layers (pass open-fused)';
const QDQ = 'quantise in the QDQ form (quant_format=QuantFormat.QDQ), and convert that';
const HELP: ReadonlyMap<string, string> = new Map([
  ...['Shape', 'Size', 'ConstantOfShape', 'Range', 'NonZero', 'Mod', 'Floor', 'Ceil', 'Expand', 'GatherND'].map((op): [string, string] => [
    op,
    SIZES,
  ]),
  ['BatchNormalization', 'convert -O2 folds it into the layer before (pass fold-batch-norm)'],
  ['Identity', 'convert removes it (pass remove-identities)'],
  ['Dropout', 'convert removes it (pass remove-identities)'],
  ['Einsum', 'convert writes it as MatMul (pass einsum-to-matmul)'],
  ['Pad', 'convert merges it into the layer behind where that pads with zeros (pass fuse-pad)'],
  ['Flatten', 'convert to a map removes it, or makes it a Reshape'],
  ['Constant', 'convert writes constants as initializers'],
  ['ConvInteger', `it is dynamically quantised: ${QDQ}`],
  ['MatMulInteger', `it is dynamically quantised: ${QDQ}`],
  ['DynamicQuantizeLinear', `it is dynamically quantised: ${QDQ}`],
  ['com.microsoft.QuantizeLinear', "convert writes ONNX's own (pass open-integers)"],
  ['com.microsoft.DequantizeLinear', "convert writes ONNX's own (pass open-integers)"],
]);

function helpFor(op: string, opset: number | undefined): string | undefined {
  const own = HELP.get(op);
  if (own !== undefined) return own;
  if (/^(com\.microsoft\.)?(QLinear\w+|QGemm)$/.test(op)) return QDQ;
  if (/^com\.microsoft\.(Fused\w+|Gelu|QuickGelu|BiasGelu)$/.test(op)) return OPENED;
  if (op === 'QuantizeLinear' || op === 'DequantizeLinear') return 'give it the float network, or convert --fp16 of that';
  const since = NEW.get(op);
  return since !== undefined && (opset ?? since) >= since
    ? `--opset ${since - 1} writes it with older operators, or says that it cannot`
    : undefined;
}

/** Operators that are compositions of older ones, by the opset that has them first. */
const NEW: ReadonlyMap<string, number> = new Map([
  ['HardSwish', 14],
  ['LayerNormalization', 17],
  ['Mish', 18],
  ['GroupNormalization', 18],
  ['Gelu', 20],
  ['RMSNormalization', 23],
  ['Swish', 24],
]);

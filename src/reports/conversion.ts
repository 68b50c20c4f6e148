/**
 * Final report of `convert`: what was rewritten, what was left alone and why, which pixels a cell of the map looks at, and the cost.
 * The facts are collected as a plain object, which --json prints, and then formatted as text.
 */
import { optimisations } from '../../passes';
import { type Contract, describeContract } from '../analysis/contract';
import type { Layer } from '../analysis/layers';
import { windowStride } from '../analysis/meaned-map';
import type { ModelSummary } from '../analysis/summary';
import { summarise } from '../analysis/summary';
import type { Compiled, CompileReport } from '../compile';
import { type ImageWindow, type SizeRequest, windowLengths, windowLetters } from '../compile/input-size';
import type { TiedAxis } from '../compile/slide';
import { formatLocation, printable } from '../diagnostics/format';
import { describeFamily, type ImageSizes, sizesTaken } from '../ir/sizes/taken';
import { axisName, type Letter, lettersIn, placesName, sizeText, unitOf } from '../ir/spatial';
import type { Dim } from '../ir/types';
import { pixelStride } from '../operators/pixel-stride';
import type { Remark } from '../rewrite/pass';
import { grouped, table } from './table';

export interface RewriteFacts {
  readonly windows: readonly ImageWindow[];
  /** What one prediction covers: a window, a cell, an image. */
  readonly head: CompileReport['head'];
  readonly maps: readonly MapFacts[];
  /** Spatial axes along which windows do not slide, and why. */
  readonly tied: readonly TiedAxis[];
  /** By image input: the sizes that are used without ignoring pixels. */
  readonly sizes: Readonly<Record<string, ImageSizes>>;
  /** Contract between the two models, derived from the graph. */
  readonly contract: Contract & { readonly text: string };
  /** Layers that became other layers: Linear -> Conv2d. */
  readonly layers: readonly { readonly from: string; readonly to: string; readonly node: string }[];
  readonly passes: readonly {
    readonly pass: string;
    readonly summary: string;
    readonly applied: Readonly<Record<string, number>>;
    readonly nodesBefore: number;
    readonly nodesAfter: number;
  }[];
  readonly refused: readonly RemarkFacts[];
  /** Includes near misses; shown by `--remarks`. */
  readonly remarks: readonly RemarkFacts[];
  readonly before: Costs;
  readonly after: Costs;
}

/** An output of the converted model. */
export interface MapFacts {
  readonly output: string;
  readonly original: readonly Dim[] | undefined;
  readonly converted: readonly Dim[] | undefined;
  /** Input pixels between neighbouring cells, along each spatial axis. */
  readonly stride: readonly number[];
}

export interface RemarkFacts {
  readonly kind: Remark['kind'];
  readonly pass: string;
  readonly rule: string | undefined;
  readonly reason: string | undefined;
  readonly at: string;
}

export interface Costs {
  readonly nodes: number;
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** If false, `multiplyAdds` is a lower bound. */
  readonly complete: boolean;
}

export function rewriteFacts({ model, original, report }: Compiled, summaries: ReadonlyMap<string, string>): RewriteFacts {
  const size = windowSize(original, report.windows);
  const before = summarise(original, size);
  const after = summarise(model, size);
  return {
    windows: report.windows,
    head: report.head,
    tied: report.tied,
    sizes: report.head === 'original' ? {} : Object.fromEntries(sizesTaken(model)),
    maps: report.outputs.map(({ name, original: from, converted }) => {
      const output = model.graph.outputs.find((candidate) => candidate.name === name);
      return {
        output: name,
        original: from,
        converted,
        stride: output ? (report.head === 'image' ? windowStride(output) : pixelStride(output)) : [],
      };
    }),
    contract: { ...report.contract, text: describeContract(report.contract) },
    layers: changedLayers(before, after),
    passes: report.passes
      .filter((pass) => pass.edits > 0)
      .map(({ pass, applied, nodesBefore, nodesAfter }) => ({
        pass,
        summary: summaries.get(pass) ?? '',
        applied,
        nodesBefore,
        nodesAfter,
      })),
    refused: distinct(report.remarks.filter((remark) => remark.kind === 'refused').map(remarkFacts)),
    remarks: distinct(report.remarks.map(remarkFacts)),
    before: costsOf(original.graph.nodeCount, before),
    after: costsOf(model.graph.nodeCount, after),
  };
}

/** The windows as input sizes; both models are summarised at this size. */
function windowSize(original: Compiled['original'], windows: readonly ImageWindow[]): SizeRequest {
  const shapes = new Map<string, readonly number[]>();
  for (const { input } of windows) {
    const shape = original.graph.inputs.find((candidate) => candidate.name === input)?.type?.shape;
    if (shape)
      shapes.set(
        input,
        shape.map((dim) => (typeof dim === 'number' ? dim : 1)),
      );
  }
  return { shapes };
}

/** Pairs the fully connected layers of the original with the layers that replaced them. Rewrites merge origins, so a layer with as many parameters is preferred. */
function changedLayers(before: ModelSummary, after: ModelSummary): RewriteFacts['layers'] {
  const claimed = new Set<Layer>();
  return before.list.layers.flatMap((layer) => {
    if (layer.kind !== 'Linear') return [];
    const sources = new Set(layer.nodes.flatMap((node) => node.origin));
    const heirs = after.list.layers.filter(
      (candidate) =>
        candidate.parameters > 0 &&
        !claimed.has(candidate) &&
        candidate.nodes.some((node) => node.origin.some((name) => sources.has(name))),
    );
    const heir = heirs.find((candidate) => candidate.parameters === layer.parameters) ?? heirs[0];
    if (!heir) return [];
    claimed.add(heir);
    if (heir.notation === layer.notation) return [];
    return [{ from: layer.notation, to: heir.notation, node: layer.name }];
  });
}

const costsOf = (nodes: number, { list: { parameters, multiplyAdds, complete } }: ModelSummary): Costs => ({
  nodes,
  parameters,
  multiplyAdds,
  complete,
});

const remarkFacts = ({ kind, pass, rule, reason, at }: Remark): RemarkFacts => ({ kind, pass, rule, reason, at: formatLocation(at) });

/** Removes duplicates: a pass that runs in several rounds makes the same remarks each time. */
function distinct(remarks: readonly RemarkFacts[]): RemarkFacts[] {
  return [...new Map(remarks.map((remark) => [JSON.stringify(remark), remark])).values()];
}

// ---- as text ----

export function rewriteText(facts: RewriteFacts, options: { readonly remarks: boolean }): string[] {
  const sections: string[][] = [
    ['rewritten', ...passLines(facts), ...layerLines(facts)],
    refusalLines(facts, options.remarks),
    [
      facts.head === 'image' || facts.head === 'original' ? 'prediction' : 'prediction map',
      ...facts.maps.flatMap((map) => mapLines(map, facts)),
      ...tiedLines(facts),
      ...sizeLines(facts),
      `  ${printable(facts.contract.text)}`,
    ],
    costLines(facts),
  ];
  return sections.filter((section) => section.length > 1).flatMap((section, at) => (at === 0 ? section : ['', ...section]));
}

function passLines({ passes }: RewriteFacts): string[] {
  const rows = passes.map(({ pass, applied, summary }) => [
    pass,
    String(Object.values(applied).reduce((sum, count) => sum + count, 0) || ''),
    summary,
  ]);
  return table([{ title: '' }, { title: '', align: 'right' }, { title: '' }], rows, '  ');
}

function layerLines({ layers }: RewriteFacts): string[] {
  const rows = layers.map(({ from, to }) => [printable(from), '->', printable(to)]);
  return rows.length === 0 ? [] : ['', ...table([{ title: '' }, { title: '' }, { title: '' }], rows, '  ')];
}

const MANY = 8;

/** Reasons why the conversion left something alone are always shown; those of folds only with --remarks. */
function refusalLines({ refused, remarks }: RewriteFacts, all: boolean): string[] {
  if (all) return ['left alone', ...remarks.filter((remark) => remark.kind !== 'applied').flatMap(remarkLines)];
  const telling = refused.filter(({ pass }) => !isFold(pass));
  const folds = refused.length - telling.length;
  const hidden = telling.length - MANY;
  return [
    'left alone',
    ...telling.slice(0, MANY).flatMap(remarkLines),
    ...(hidden > 0 ? [`  and ${hidden} more: --remarks shows all`] : []),
    ...(folds > 0 ? [`  folding: ${folds} place${folds === 1 ? '' : 's'}: --remarks says which, and why`] : []),
  ];
}

const isFold = (pass: string): boolean => optimisations[2].flat().some(({ name }) => name === pass);

/** What rules left alone, and why, for use without a report. */
export function remarkText(remarks: readonly Remark[]): string[] {
  const shown = distinct(remarks.filter((remark) => remark.kind !== 'applied').map(remarkFacts));
  return shown.length === 0 ? ['no rule came near: nothing to remark'] : ['left alone', ...shown.flatMap(remarkLines)];
}

const remarkLines = ({ pass, rule, reason, at }: RemarkFacts): string[] => [
  `  ${pass}${rule && rule !== pass ? ` (${rule})` : ''}: ${printable(reason ?? '')}`,
  ...(at ? [`    at ${at}`] : []),
];

/** Describes what one prediction covers: the pixels that a cell looks at, or the image sizes. */
function mapLines({ output, original, converted, stride }: MapFacts, { head, windows, tied }: RewriteFacts): string[] {
  const [window] = windows;
  if (!window) return [];
  const name = `  ${printable(output)} [${converted?.map((dim) => dim ?? '?').join(', ') ?? '?'}]`;
  const letters = windowLetters(window);
  const lengths = windowLengths(window);
  const size = `${sizeText(lengths)} ${unitOf(letters.length)}`;
  const isTied = letters.map((letter) => tied.some(({ axis }) => axis === axisName(letter)));
  const every = strideText(stride, letters, isTied);
  if (original?.length === 2 + letters.length && original.slice(2).some((dim) => dim !== 1) && head !== 'original')
    return [`${name}: a map already, which grows with the image, a cell ${every}`];
  switch (head) {
    case 'window':
      return [
        `${name}: one prediction for each window of ${size}, ${every}`,
        `  cell ${cellText(isTied.filter((still) => !still).length)} looks at ${spansText(letters, stride, lengths, isTied)}${
          windows.length > 1 ? ` of '${printable(window.input)}'` : ''
        }`,
      ];
    case 'cell':
      return [`${name}: one prediction for each cell of the last feature map, ${every}`];
    case 'original':
      return [`${name}: as before`];
    case 'image':
      return [`${name}: one prediction for an image of ${size} or more, the mean over its windows, ${every}`];
  }
}

/** Explains why an axis keeps its length. */
function tiedLines({ tied, windows: [window] }: RewriteFacts): string[] {
  return tied.map(({ axis, reason }) => printable(`  does not slide along its ${axis}, which stays ${window?.[axis] ?? '?'}: ${reason}`));
}

/** Sizes of networks that use only some sizes whole. */
function sizeLines({ sizes, windows }: RewriteFacts): string[] {
  return Object.entries(sizes).flatMap(([input, taken]) => {
    const families = lettersIn(taken).flatMap((letter) => {
      const family = taken[axisName(letter)];
      return family ? [[axisName(letter), family] as const] : [];
    });
    if (families.every(([, { multiple }]) => multiple <= 1)) return [];
    const of = windows.length > 1 ? ` of '${printable(input)}'` : '';
    const whole = families.map(([name, family]) => describeFamily(family, name)).join('; ');
    return [`  runs at every size${of}; takes whole: ${whole}; of others the rest is cut off`];
  });
}

/** Cell index: `i`, `(i, j)`, `(i, j, k)`. */
const INDICES = ['i', 'j', 'k'];
const cellText = (count: number): string => (count === 1 ? 'i' : `(${INDICES.slice(0, count).join(', ')})`);

/** Pixels of a cell: `rows 32 i to 32 i + 223 and columns 32 j to 32 j + 223`. */
function spansText(letters: readonly Letter[], stride: readonly number[], lengths: readonly number[], isTied: readonly boolean[]): string {
  let next = 0;
  const spans = letters.map((letter, axis) => {
    if (isTied[axis]) return `all ${lengths[axis] ?? 1} ${placesName(letter)}`;
    const first = times(stride[axis] ?? 1, INDICES[next++] ?? '');
    return `${placesName(letter)} ${first} to ${first} + ${(lengths[axis] ?? 1) - 1}`;
  });
  return spans.length === 1 ? spans.join('') : `${spans.slice(0, -1).join(', ')} and ${spans.at(-1)}`;
}

const times = (step: number, letter: string): string => (step === 1 ? letter : `${step} ${letter}`);
function strideText(stride: readonly number[], letters: readonly Letter[], isTied: readonly boolean[]): string {
  if (isTied.includes(true)) {
    const parts = letters.flatMap((letter, axis) =>
      isTied[axis] ? [] : [stride[axis] === 1 ? placesName(letter).slice(0, -1) : `${stride[axis]} ${placesName(letter)}`],
    );
    return `every ${parts.join(' and ')}`;
  }
  const unit = unitOf(letters.length);
  const [first] = stride;
  if (stride.every((step) => step === first)) return first === 1 ? `every ${unit.slice(0, -1)}` : `every ${first} ${unit}`;
  const parts = letters.map((letter, axis) => `${stride[axis]} ${placesName(letter)}`);
  return `every ${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

function costLines({ before, after, windows }: RewriteFacts): string[] {
  const size = windows.map((window) => sizeText(windowLengths(window))).join(', ');
  const products = ({ multiplyAdds, complete }: Costs): string => (complete ? grouped(multiplyAdds) : `> ${grouped(multiplyAdds)}`);
  return table(
    [{ title: 'cost' }, { title: 'before', align: 'right' }, { title: 'after', align: 'right' }],
    [
      ['  nodes', grouped(before.nodes), grouped(after.nodes)],
      ['  parameters', grouped(before.parameters), grouped(after.parameters)],
      [`  multiply-adds at ${size}`, products(before), products(after)],
    ],
  );
}

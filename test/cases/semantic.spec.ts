/**
 * Networks made to break a conversion, each with the right value under every head: what the original says of each crop, or a refusal that names the true reason.
 * fixtures/cases has them as ONNX text.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { parseGraph } from '../support/expect-pass';
import { expectCrops } from '../support/windows';
import { judged } from '../verify/oracle/judge';

const FOLDER = join(__dirname, '../../fixtures/cases');
const names = readdirSync(FOLDER).filter((name) => name.endsWith('.onnxtxt'));
const textOf = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');
const named = (short: string): string => names.find((name) => name.startsWith(`${short}_`)) ?? '';

/** `crops`: each cell is the original on its crop. `equal`: padded, or gated by the whole image. A refusal: what its message says. */
type Right = 'crops' | 'equal' | RegExp;
const PLACES = /no global average: its weights read the places/;
const TIED = /CANNOT_SLIDE/;
const SIZE = { inputSize: { lengths: [8, 8] } } as const;

const RIGHT: readonly (readonly [string, Right, Right, Right])[] = [
  // case, window, cell, image
  ['A01', 'crops', PLACES, 'equal'],
  ['A02', 'crops', 'equal', 'equal'],
  ['A03', 'crops', /^converted$/, 'equal'],
  ['C01', 'crops', PLACES, 'equal'],
  ['C02', 'equal', 'equal', 'equal'],
  ['C03', 'crops', PLACES, 'equal'],
  ['C04', 'crops', PLACES, 'equal'],
  ['I01', 'equal', PLACES, 'equal'],
  ['R01', 'crops', PLACES, 'equal'],
  ['R02', 'crops', PLACES, 'equal'],
  ['R03', 'crops', /Concat 'Concat_4' stands between the average/, 'equal'],
  ['R04', 'crops', PLACES, 'equal'],
  ['R05', 'crops', PLACES, 'equal'],
  ['R08', 'crops', PLACES, 'equal'],
  ['R09', 'crops', PLACES, 'equal'],
  ['R10', 'crops', PLACES, 'equal'],
  ['W01', 'crops', 'equal', 'equal'],
  ['W02', /GlobalAveragePool_0/, /Add 'Add_2' stands between the average/, /GlobalAveragePool_0/],
  ['W04', 'crops', 'equal', 'equal'],
  ['W05', 'crops', PLACES, 'equal'],
  ['W06', TIED, TIED, TIED],
  ['W06c', TIED, TIED, TIED],
  ['W07', 'equal', PLACES, 'equal'],
  ['W08', 'crops', 'equal', 'equal'],
  ['W08c', 'crops', 'equal', 'equal'],
  ['W09', 'crops', PLACES, 'equal'],
  ['W10', 'crops', PLACES, 'equal'],
  ['W11', 'crops', PLACES, 'equal'],
  ['W12', TIED, TIED, TIED],
  ['W13', /strides of which none divides/, /no global average|brings together|strides/, /strides of which none divides/],
  ['W14', 'crops', PLACES, 'equal'],
];

const messageOf = (run: () => unknown): string => {
  try {
    run();
    return 'converted';
  } catch (error) {
    return error instanceof CompileError ? `${error.code}: ${error.message}` : `crash: ${String(error)}`;
  }
};

async function expectRight(text: string, head: 'window' | 'cell' | 'image', right: Right): Promise<void> {
  if (right instanceof RegExp) expect(messageOf(() => compile(parseGraph(text), { head }))).toMatch(right);
  else if (right === 'crops') await expectCrops(text, {}, 1e-4, { mayHaveMore: true });
  else expect((await judged(parseGraph(text), undefined, { head, samples: 2 }))?.verdict).toBe('equal');
}

describe.each(RIGHT)('%s', (short, window, cell, image) => {
  const text = textOf(named(short));
  test('window', () => expectRight(text, 'window', window));
  test('cell', () => expectRight(text, 'cell', cell));
  test('image', () => expectRight(text, 'image', image));
});

test('every case has its right value here, or a test of its own', () => {
  const listed = new Set([...RIGHT.map(([short]) => named(short)), named('R06'), named('W03')]);
  expect(names.filter((name) => !listed.has(name))).toEqual([]);
});

test('W03: a pool with ceil_mode behind a Pad is not fused, at any size', async () => {
  const report = await judged(parseGraph(textOf(named('W03'))), undefined, { head: 'original', ...SIZE, samples: 2 });
  expect(report?.verdict).toBe('equal');
});

test('R06: thirteen channels, channels last', () => {
  const { model } = compile(parseGraph(textOf(named('R06'))));
  expect(model.graph.inputs[0]?.type?.shape).toEqual([1, 'height', 'width', 13]);
  expect(model.graph.outputs[0]?.type?.shape?.slice(2).every((dim) => typeof dim === 'string')).toBe(true);
});

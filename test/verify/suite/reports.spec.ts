/** Reports for machines: valid, whole after a round trip, and joined to the worst of their parts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020';
import { compile } from '../../../src/compile';
import type { Model } from '../../../src/ir/model';
import { fromNumbers, readNumbers } from '../../../src/ir/tensor';
import { verifyFiles } from '../../../src/verify/files/verify';
import { formatVerifyReport, type VerifyReport } from '../../../src/verify/report';
import { annotations, summary } from '../../../src/verify/suite/github';
import { junit } from '../../../src/verify/suite/junit';
import { markdown } from '../../../src/verify/suite/markdown';
import { mergeSuites } from '../../../src/verify/suite/merge';
import { type PairOutcome, reportToJson, type SuiteReport, suiteFromJson, suiteOutcome } from '../../../src/verify/suite/suite-report';
import { codeOf } from '../../support/code-of';
import { parseGraph } from '../../support/expect-pass';

// A busy machine takes its time.
jest.setTimeout(60_000);

const original =
  parseGraph(`<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 8, 9] X) => (float[1, 7] Y) <float[4, 3, 3, 3] K, float[7, 4] W> {
  C = Conv <kernel_shape = [3, 3]> (X, K) R = Relu (C) P = GlobalAveragePool (R) F = Flatten (P) Y = Gemm <transB = 1> (F, W) }`);
const tampered = (value: number): Model => {
  const copy = original.clone();
  const weight = copy.graph.constants.find(({ name }) => name === 'W');
  if (!weight) throw new Error('no weight');
  const numbers = readNumbers(weight.constant);
  numbers[3] = value;
  copy.graph.replaceAllUses(weight, copy.graph.addConstant('sabotage', fromNumbers('float', weight.constant.shape, numbers)));
  return copy;
};

const pair = (name: string, rest: Partial<PairOutcome>): PairOutcome => ({
  name,
  original: 'a.onnx',
  converted: `<b> & "${name}".onnx`,
  ...rest,
});
const suite = (pairs: readonly PairOutcome[], rest: Partial<SuiteReport> = {}): SuiteReport => ({
  format: 'convolutionize verify',
  version: 1,
  program: '0.1.0',
  started: 1_700_000_000,
  pairs,
  ...rest,
});

let whole: SuiteReport;
beforeAll(async () => {
  const options = { samples: 7 };
  whole = suite([
    pair('same', { report: await verifyFiles(original, original.clone(), options) }),
    pair('other | weight', { report: await verifyFiles(original, tampered(9), options) }),
    pair('not\u0007 finite\ud800', { report: await verifyFiles(original, tampered(Number.NaN), options) }),
    pair('lost', { error: { code: 'CANNOT_READ', message: 'no such file: 100 % <gone>', hint: 'look\nagain' } }),
  ]);
}, 60_000);

interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly Element[];
}

/** Enough of XML for what is well formed here: elements, quoted attributes, text, the five entities and numbered characters. */
function parseXml(text: string): Element {
  const stack: { name: string; attributes: Map<string, string>; children: Element[] }[] = [
    { name: '', attributes: new Map(), children: [] },
  ];
  const rest = text.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '');
  for (const [token, close, name = '', attributes = '', empty, chars] of rest.matchAll(
    /<(\/)?([a-z-]+)((?: [a-z]+="[^"<&]*(?:&(?:amp|lt|gt|quot|#10);[^"<&]*)*")*)(\/)?>|([^<]+)|</g,
  )) {
    if (chars !== undefined) {
      expect(chars).not.toMatch(/&(?!amp;|lt;|gt;|quot;|#10;)/);
      continue;
    }
    expect(token).not.toBe('<');
    const made = {
      name,
      attributes: new Map([...attributes.matchAll(/ ([a-z]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value])),
      children: [],
    };
    if (close) expect(stack.pop()?.name).toBe(name);
    else {
      stack.at(-1)?.children.push(made);
      if (!empty) stack.push(made);
    }
  }
  expect(stack).toHaveLength(1);
  const [only] = stack[0]?.children ?? [];
  if (!only) throw new Error('no element');
  return only;
}

describe('junit', () => {
  test('has the elements and attributes that the schema of Ant asks for, in order', () => {
    const root = parseXml(junit(whole));
    expect([root.name, root.attributes.size, root.children.length]).toEqual(['testsuites', 0, 4]);
    root.children.forEach((each, id) => {
      expect([...each.attributes.keys()].sort()).toEqual([
        'errors',
        'failures',
        'hostname',
        'id',
        'name',
        'package',
        'skipped',
        'tests',
        'time',
        'timestamp',
      ]);
      expect(each.attributes.get('id')).toBe(String(id));
      expect(each.attributes.get('timestamp')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
      const cases = each.children.filter(({ name }) => name === 'testcase');
      expect(each.children.map(({ name }) => name)).toEqual(['properties', ...cases.map(() => 'testcase'), 'system-out', 'system-err']);
      expect(each.attributes.get('tests')).toBe(String(cases.length));
      for (const { attributes, children } of cases) {
        expect([...attributes.keys()].sort()).toEqual(['classname', 'name', 'time']);
        expect(children.length).toBeLessThan(2);
        for (const child of children) if (child.name !== 'skipped') expect(child.attributes.get('type')).toBeTruthy();
      }
      const count = (kind: string): string => String(cases.filter(({ children }) => children[0]?.name === kind).length);
      expect(['failures', 'errors', 'skipped'].map((key) => each.attributes.get(key))).toEqual([
        count('failure'),
        count('error'),
        count('skipped'),
      ]);
    });
    expect(root.children.map(({ attributes }) => [attributes.get('failures'), attributes.get('errors')])).toEqual([
      ['0', '0'],
      ['1', '0'],
      ['1', '0'],
      ['0', '1'],
    ]);
  });

  test('holds no character that XML forbids', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what this is about
    expect(junit(whole)).not.toMatch(/[\u0000-\u0008\ud800-\udfff]/);
  });
});

test('markdown: a row per pair, bars escaped, what differs in full', () => {
  const text = markdown(whole);
  const rows = text.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| |'));
  expect(rows).toHaveLength(4);
  for (const row of rows) expect(row.replaceAll('\\|', '').split('|')).toHaveLength(8);
  expect(text).toContain('## convolutionize verify: error (1 of 4)');
  expect(text).toContain('First departs at **Gemm `Y`**');
  expect(text.match(/^```$/gm)).toHaveLength(6);
});

test('github: one line per annotation, properties and data escaped; a summary of at most a megabyte', () => {
  const lines = annotations(whole);
  expect(lines).toHaveLength(4);
  for (const line of lines) expect(line).toMatch(/^::(error|notice) title=[^:,\n]+::[^\n]+$/);
  expect(lines[2]).toContain('100 %25 <gone>');
  const long = suite(Array.from({ length: 3000 }, (_, at) => pair(`${at}`, { error: { code: 'USAGE', message: 'é'.repeat(300) } })));
  expect(Buffer.byteLength(summary(long))).toBeLessThanOrEqual(1024 * 1024);
});

test('what could not be measured is said, and does not read as passed', () => {
  const [same] = whole.pairs;
  const report = { ...same?.report, unmeasured: ["the runtime's own optimiser (ONNX Runtime crashed)"] } as VerifyReport;
  expect(formatVerifyReport(report)).toContain(
    "NOT MEASURED       the runtime's own optimiser (ONNX Runtime crashed): nothing is known of it",
  );
  const merged = mergeSuites([
    { file: 'a', suite: suite([pair('same', { report })]) },
    { file: 'b', suite: suite([pair('same', { report: same?.report })]) },
  ]);
  expect(merged.pairs[0]?.report?.unmeasured).toEqual(report.unmeasured);
});

describe('json', () => {
  test('comes back as it was, NaN and infinities too', () => {
    const again = suiteFromJson(reportToJson(whole), 'a.json');
    expect(JSON.stringify(again, numbers)).toBe(JSON.stringify(whole, numbers));
    expect(() => suiteFromJson('{"checks": []}', 'a.json')).toThrow("not a report of verify: it has no 'format'");
    expect(() => suiteFromJson('not json', 'a.json')).toThrow('not a report of verify: it is not valid JSON');
  });
  const numbers = (_: string, value: unknown): unknown => (typeof value === 'number' ? String(value) : value);
});

describe('merge', () => {
  const part = (index: number, of: number, pairs: readonly PairOutcome[], by: 'pairs' | 'samples' = 'pairs') => ({
    file: `${index}.json`,
    suite: suite(pairs, { shard: { index, of, by } }),
  });

  test('parts of a list become the list', () => {
    const [a, b, c, d] = whole.pairs;
    if (!a || !b || !c || !d) throw new Error('no pairs');
    const merged = mergeSuites([part(1, 2, [a, c]), part(2, 2, [b, d])]);
    expect(merged.pairs.map(({ name }) => name)).toEqual([a, c, b, d].map(({ name }) => name));
    expect([suiteOutcome(merged), suiteOutcome(mergeSuites([part(1, 1, [a])]))]).toEqual(['error', 'equal']);
  });

  test('parts of the samples become the verdict on all: one different part is enough', async () => {
    const options = { samples: 9 };
    const shards = await Promise.all(
      [1, 2].map(async (index) => pair('x', { report: await verifyFiles(original, tampered(9), { ...options, shard: { index, of: 2 } }) })),
    );
    const merged = mergeSuites(shards.map((outcome, at) => part(at + 1, 2, [outcome], 'samples')));
    const all = await verifyFiles(original, tampered(9), options);
    const [check] = merged.pairs[0]?.report?.checks ?? [];
    expect([check?.cells, check?.status, check?.outputs.Y?.maxAbs]).toEqual([9, 'different', all.checks[0]?.outputs.Y?.maxAbs]);
  });

  test('a share of the inputs that was asked for is judged on all of them, not on each part', async () => {
    const options = { samples: 9, cosine: -1 };
    const shards = await Promise.all(
      [1, 2].map(async (index) => pair('x', { report: await verifyFiles(original, tampered(9), { ...options, shard: { index, of: 2 } }) })),
    );
    const same = shards.map(({ report }) => report?.checks[0]?.agreement?.Y?.sameBest ?? 0);
    const [worse = 0, better = 0] = [Math.min(...same), Math.max(...same)];
    expect(worse).toBeLessThan(better);
    const asked = (minAgreement: number): string | undefined => {
      const parts = shards.map(({ report, ...rest }) => {
        if (!report) throw new Error('no report');
        const criteria = { minAgreement };
        const isEnough = (report.checks[0]?.agreement?.Y?.sameBest ?? 0) >= minAgreement;
        const [status, verdict] = isEnough ? (['equal', 'equal'] as const) : (['different', 'different'] as const);
        return {
          ...rest,
          report: {
            ...report,
            verdict,
            checks: report.checks.map((check) => ({ ...check, status })),
            tolerance: { ...report.tolerance, criteria, from: 'criteria' as const },
          },
        };
      });
      return mergeSuites(parts.map((outcome, at) => part(at + 1, 2, [outcome], 'samples'))).pairs[0]?.report?.verdict;
    };
    // Between both: one part alone has less, the whole has enough.
    expect([asked(worse + 1e-6), asked(better - 1e-6), asked(better + 1e-6)]).toEqual(['equal', 'different', 'different']);
  });

  test('a part that is missing, there twice, or of another whole is an error', () => {
    const [a] = whole.pairs;
    if (!a) throw new Error('no pair');
    expect(codeOf(() => mergeSuites([part(1, 2, [a])]))).toBe('MERGE_INCOMPLETE');
    expect(codeOf(() => mergeSuites([part(1, 2, [a]), part(1, 2, [a]), part(2, 2, [a])]))).toBe('MERGE_INCOMPLETE');
    expect(codeOf(() => mergeSuites([part(1, 2, [a]), part(2, 3, [a])]))).toBe('MERGE_MIXED');
    expect(codeOf(() => mergeSuites([part(1, 2, [a]), { file: 'b', suite: suite([a]) }]))).toBe('MERGE_MIXED');
  });
});

describe('the published schema', () => {
  const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(
    JSON.parse(readFileSync(join(__dirname, '../../../docs/schemas/verify-report.schema.json'), 'utf8')),
  );
  const follows = (value: unknown): unknown =>
    validate(value) ? true : validate.errors?.filter(({ instancePath }) => instancePath !== '').slice(0, 5);
  const cases: [string, () => Promise<VerifyReport>][] = [
    ['equal', () => verifyFiles(original, original.clone(), { samples: 2 })],
    ['different, with the node', () => verifyFiles(original, tampered(0.5), { samples: 2 })],
    ['infinite', () => verifyFiles(original, tampered(Number.POSITIVE_INFINITY), { samples: 2 })],
    ['tolerances of its own', () => verifyFiles(original, original.clone(), { samples: 2, rtol: { Y: 1e-3 } })],
    ['a conversion', () => verifyFiles(original, compile(original).model, { samples: 2 })],
    ['on integers', () => verifyFiles(original, compile(original).model, { exact: true, samples: 2 })],
  ];

  test.each(cases)('%s: as a report and in a suite', async (name, judge) => {
    const report = await judge();
    expect(follows(JSON.parse(reportToJson(report)))).toBe(true);
    const text = reportToJson(suite([pair(name, { report })], { shard: { index: 1, of: 2, by: 'samples' } }));
    expect(follows(JSON.parse(text))).toBe(true);
  });

  test('an error is an outcome as well; what is neither is not', () => {
    const error = { code: 'CANNOT_READ', message: 'cannot be read', at: { file: 'a.onnx' }, hint: 'look' } as const;
    const whole = JSON.parse(reportToJson(suite([pair('a', { error })])));
    expect(follows(whole)).toBe(true);
    expect(follows({ ...whole, pairs: [pair('a', {})] })).not.toBe(true);
    expect(follows({ ...whole, more: 1 })).not.toBe(true);
    expect(follows({ ...whole, version: 2 })).not.toBe(true);
  });
});

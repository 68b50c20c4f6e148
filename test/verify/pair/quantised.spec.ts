/** A float network and its quantised copies: the price is told, the user says what is close enough, and a fault is found behind the ReLU that a quantiser holds. */
import { join } from 'node:path';
import { readModelFile } from '../../../src/files';
import type { Model } from '../../../src/ir/model';
import { fromNumbers, readNumbers } from '../../../src/ir/tensor';
import { type VerifyFilesOptions, verifyFiles } from '../../../src/verify/files/verify';
import { formatVerifyReport, type VerifyReport } from '../../../src/verify/report';
import { junit } from '../../../src/verify/suite/junit';

jest.setTimeout(60_000);

const file = (name: string): string => join(__dirname, '../../../fixtures/quantised', `${name}.onnx`);
const verify = (converted: string | Model, options: VerifyFilesOptions = {}): Promise<VerifyReport> =>
  verifyFiles(file('float'), converted, { samples: 14, ...options });

/** The weight of one layer, times a factor: as if its scale had been lost. */
function spoilt(form: string, constant: string, factor: number): Model {
  const model = readModelFile(file(form)).clone();
  const scale = model.graph.constants.find(({ name }) => name === constant);
  if (!scale) throw new Error(`no '${constant}' in ${model.graph.constants.map(({ name }) => name).join(', ')}`);
  const numbers = readNumbers(scale.constant).map((number) => number * factor);
  model.graph.replaceAllUses(scale, model.graph.addConstant('spoilt', fromNumbers('float', scale.constant.shape, numbers)));
  return model;
}

describe.each(['qdq', 'qoperator'])('%s', (form) => {
  test('differs, and what that costs is told', async () => {
    const report = await verify(file(form));
    expect(report.verdict).toBe('different');
    expect(report.quantised?.kind).toBe(form === 'qdq' ? 'QDQ' : 'integers');
    // Random inputs are brought into the range of the quantiser: nothing of them is cut off.
    expect(report.quantised?.ranges).toEqual([{ input: 'image', low: expect.closeTo(-3.1, 0), high: expect.closeTo(3.2, 0), outside: 0 }]);
    expect(report.checks[0]?.note).not.toContain('millions');
    const text = formatVerifyReport(report);
    expect(text).toMatch(/cosine 0\.9[89]\d+; same best class in \d/);
    expect(text).toContain('--min-agreement 0.99');
    // Right layers are not called wrong, in front of a ReLU or behind it.
    expect([report.departure, report.departureNote]).toEqual([undefined, expect.stringContaining('no node stands out')]);
  });

  test('is equal where it is as close as was asked, and only there', async () => {
    const close = await verify(file(form), { cosine: 0.98, minAgreement: 0.8 });
    expect([close.verdict, close.tolerance.from]).toEqual(['equal', 'criteria']);
    expect(formatVerifyReport(close)).toContain('equal by what was asked');
    expect(formatVerifyReport(close)).toContain('close enough: 14 inputs');
    const cosine = await verify(file(form), { cosine: 0.9999 });
    expect(cosine.verdict).toBe('different');
    const agreement = await verify(file(form), { samples: 70, minAgreement: 0.99 });
    expect(agreement.verdict).toBe('different');
    // A tolerance that is given as well must hold too.
    expect((await verify(file(form), { cosine: 0.98, rtol: 1e-6 })).verdict).toBe('different');
    expect((await verify(file(form), { cosine: 0.98, rtol: 1 })).verdict).toBe('equal');
  });

  test('a wrong scale is found at its layer', async () => {
    const report = await verify(spoilt(form, 'w2_scale', 3));
    expect(report.departure).toMatchObject({
      op: form === 'qdq' ? 'Conv' : 'QLinearConv',
      original: 'r2',
      steps: { error: expect.closeTo(2, 0), most: 0.2 },
    });
    expect(report.departure?.steps?.range?.outside).toBeLessThan(0.1);
    expect(formatVerifyReport(report)).toContain('what it is computed from is near enough');
  });
});

test('inputs of the user are left as they are, and what is cut off of them is told', async () => {
  const seen: number[] = [];
  const options: VerifyFilesOptions = {
    inputs: [join(__dirname, '../../../fixtures/digits/canvas.png')],
    onSamples: (samples) => {
      for (const { feeds } of samples) seen.push(...(feeds.get('image')?.data ?? []));
    },
  };
  const report = await verify(file('qdq'), options);
  expect(Math.max(...seen)).toBeLessThanOrEqual(1);
  expect(report.quantised?.ranges[0]?.outside).toBe(0);
  expect(report.checks[0]?.cells).toBe(1);
});

test('JUnit says in one line by how much, what was asked and where', async () => {
  const line = async (converted: string | Model, options: VerifyFilesOptions = {}): Promise<string> => {
    const pair = { name: 'pair', original: 'a.onnx', converted: 'b.onnx', report: await verify(converted, options) };
    const xml = junit({ format: 'convolutionize verify', version: 1, program: '0', started: 0, pairs: [pair] });
    return /<failure message="([^"]*)"/.exec(xml)?.[1] ?? '';
  };
  expect(await line(spoilt('qdq', 'w2_scale', 3))).toMatch(
    /^scores differs by [\d.]+, [\d.]+e[+-]\d of its largest number \(allowed: [\d.]+e-6 of it\) at \[0, \d\]: expected \S+, got \S+; first at Conv 'conv2'$/,
  );
  expect(await line(file('qdq'), { cosine: 0.9999 })).toMatch(
    /^scores has a cosine of 0\.9\d+, at least 0\.9999 is asked; where: no node stands out/,
  );
  expect(await line(file('qdq'), { samples: 70, minAgreement: 1 })).toMatch(
    /names the same best class in \d\d\.\d+ %, at least 100 % is asked/,
  );
});

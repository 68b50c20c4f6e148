/**
 * Whatever is done to a file that is read as JSON or YAML, the answer is a result or a CompileError. Thousands of mutants of valid files: fields that go, double,
 * or hold something else.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { checkCertificate, readCertificate } from '../../src/certificate/check';
import { certificateText } from '../../src/cli/certificate';
import { type ConvertFileOptions, convertFile } from '../../src/cli/convert-file';
import { tfjsJson } from '../../src/cli/inspect-tfjs';
import { badModel, systemFault } from '../../src/diagnostics/catalogue';
import { CompileError } from '../../src/diagnostics/compile-error';
import { writeModelFile } from '../../src/files';
import { readTfjsView } from '../../src/files/tfjs-view';
import { fromNumbers } from '../../src/ir/tensor';
import { parseLabels } from '../../src/pictures/labels';
import { recipeFromFields, recipeInMetadata } from '../../src/pictures/recipe-sources';
import { drawing } from '../../src/reports/drawing';
import { readSuite } from '../../src/verify/files/suite';
import { verifyFiles } from '../../src/verify/files/verify';
import { formatVerifyReport } from '../../src/verify/report';
import { annotations } from '../../src/verify/suite/github';
import { junit } from '../../src/verify/suite/junit';
import { markdown } from '../../src/verify/suite/markdown';
import { mergeSuites } from '../../src/verify/suite/merge';
import { reportToJson, type SuiteReport, suiteFromJson } from '../../src/verify/suite/suite-report';
import { readTfjsFiles, signatureOutputs, signaturePorts } from '../../src/verify/tfjs/files';
import { tfjsStandIn } from '../../src/verify/tfjs/model';
import { parseGraph } from '../support/expect-pass';
import { random } from '../support/seeded';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const ODD: readonly Json[] = [
  ...[null, true, false, 0, -1, 1.5, 1e308, -0, 2 ** 53, 4096, '', 'x', '\0', '__proto__', 'constructor', 'NaN', '../../etc/passwd', '1'],
  ...[
    'x'.repeat(5000),
    '\u001b[31m',
    '\ud800',
    '::error::',
    [],
    [[]],
    [null],
    [1, 2, 3],
    {},
    { a: 1 },
    { name: null },
    [['a', 'b']],
    ['x'],
  ],
];

/** MUTANTS=20 for twenty times as many. */
const TIMES = Number(process.env.MUTANTS ?? 1);

/** A copy in which one place is another. */
function mutant(value: Json, next: () => number): Json {
  const copy: Json = structuredClone(value);
  const places: [parent: Json[] | { [key: string]: Json }, key: string][] = [];
  const walk = (at: Json): void => {
    if (typeof at !== 'object' || at === null) return;
    for (const key of Object.keys(at)) {
      places.push([at, key]);
      walk(Reflect.get(at, key));
    }
  };
  walk(copy);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  for (let times = next() < 0.8 ? 1 : 3; times > 0; times--) {
    const [parent, key] = pick(places);
    const what = next();
    if (what < 0.2) Reflect.deleteProperty(parent, key);
    else if (what < 0.25) Reflect.set(parent, key, [Reflect.get(parent, key)]);
    else if (what < 0.3)
      Object.defineProperty(parent, pick(['__proto__', 'constructor', 'toString']), {
        value: pick(ODD),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    else if (what < 0.4) Reflect.set(parent, key, structuredClone(Reflect.get(...pick(places))));
    else if (what < 0.45 && Array.isArray(parent)) parent.push(...structuredClone(parent));
    else if (what < 0.5) Reflect.set(parent, key, JSON.stringify(Reflect.get(parent, key)) ?? 'undefined');
    else Reflect.set(parent, key, structuredClone(pick(ODD)));
  }
  return copy;
}

/** Counts answers; anything else than a result and a CompileError fails, with the mutant. */
function survive(valid: Json, count: number, seed: number, read: (mutant: Json) => unknown): { accepted: number; refused: number } {
  const next = random(seed);
  const counts = { accepted: 0, refused: 0 };
  for (let at = 0; at < count * TIMES; at++) {
    const value = mutant(valid, next);
    try {
      read(value);
      counts.accepted++;
    } catch (error) {
      if (!(error instanceof CompileError) && !systemFault(error))
        throw new Error(`${error instanceof Error ? error.stack : error}\nof ${JSON.stringify(value).slice(0, 3000)}`);
      counts.refused++;
    }
  }
  return counts;
}

const home = mkdtempSync(join(tmpdir(), 'convolutionize-test-'));
const at = (name: string): string => join(home, name);
afterAll(() => rmSync(home, { recursive: true, force: true }));

const network = parseGraph(
  `net (float[1, 3, 8, 8] image) => (float[1, 5] scores) <float[4, 3, 3, 3] w, float[4] b, float[144, 5] g> {
     c = Conv (image, w, b) r = Relu (c) f = Flatten (r) scores = MatMul (f, g) }`,
);
const read = (path: string): Json => JSON.parse(readFileSync(path, 'utf8'));

let report: Json;
beforeAll(async () => {
  writeModelFile(network, at('net.onnx'));
  const options: Omit<ConvertFileOptions, 'output' | 'tfjs' | 'certificate'> = {
    compile: {},
    weights: 'copy',
    force: true,
    allowSymlinks: false,
    verify: { samples: 1 },
    keepFailed: false,
    allowUnverified: true,
    warn: () => {},
    step: () => {},
  };
  await convertFile(at('net.onnx'), { ...options, output: at('fcn.onnx'), tfjs: undefined, certificate: at('cert.json') }, () => undefined);
  await convertFile(
    at('net.onnx'),
    { ...options, output: at('web'), tfjs: { labels: ['a', 'b', 'c', 'd', 'e'] }, verify: undefined, certificate: undefined },
    () => undefined,
  );
  const other = network.clone();
  const weight = other.graph.constants.find(({ name }) => name === 'g');
  if (weight) other.graph.replaceAllUses(weight, other.graph.addConstant('zero', fromNumbers('float', [144, 5], new Array(720).fill(0))));
  const pairs = [
    { name: 'a', original: 'net.onnx', converted: 'fcn.onnx', report: await verifyFiles(at('net.onnx'), at('fcn.onnx'), { samples: 1 }) },
    { name: 'b', original: 'a.onnx', converted: 'b.onnx', report: await verifyFiles(network, other, { samples: 1 }) },
    { name: 'c', original: 'a.onnx', converted: 'c.onnx', error: badModel('a.onnx', 'it is bad').diagnostic },
  ];
  report = JSON.parse(
    reportToJson({
      format: 'convolutionize verify',
      version: 1,
      program: '0',
      started: 0,
      shard: { index: 1, of: 1, by: 'samples' },
      pairs,
    }),
  );
}, 60_000);

const readTfjs = (value: Json): void => {
  writeFileSync(at('web/model.json'), JSON.stringify(value));
  const view = readTfjsView(at('web'));
  JSON.stringify(tfjsJson('web', view));
  drawing('dot', view.model, { title: 'web', depth: 'auto' });
  tfjsStandIn(at('web'));
  const { json } = readTfjsFiles(at('web'));
  signatureOutputs(json);
  signaturePorts(json, 'inputs');
  signaturePorts(json, 'outputs');
};

test('model.json', () => {
  const valid = read(at('web/model.json'));
  readTfjs(valid);
  expect(survive(valid, 2000, 1, readTfjs)).toEqual({ accepted: expect.any(Number), refused: expect.any(Number) });
}, 120_000);

test('certificates', () => {
  const valid = read(at('cert.json'));
  const check = (value: Json): void => {
    writeFileSync(at('mutant.json'), JSON.stringify(value));
    certificateText(at('mutant.json'), checkCertificate(at('mutant.json')));
  };
  check(valid);
  const { refused } = survive(valid, 1000, 2, check);
  expect(refused).toBeGreaterThan(200);
}, 120_000);

test('recorded reports', () => {
  const merge = (value: Json): void => {
    const suite: SuiteReport = suiteFromJson(JSON.stringify(value), 'a.json');
    const whole = mergeSuites([{ file: 'a.json', suite }]);
    for (const tell of [junit, markdown, annotations, reportToJson]) tell(whole);
    for (const pair of whole.pairs) if (pair.report) formatVerifyReport(pair.report);
  };
  merge(report);
  const { refused } = survive(report, 1500, 3, merge);
  expect(refused).toBeGreaterThan(200);
}, 120_000);

test('lists of pairs', () => {
  const valid: Json = {
    defaults: { samples: 20, rtol: { default: 1e-3, y: 1e-2 }, 'input-size': '8x8' },
    pairs: [
      { name: 'one', original: 'a.onnx', converted: 'b.onnx', map: { x: 'y' }, inputs: ['a.npy'], relation: 'same', exact: false, seed: 3 },
    ],
  };
  survive(valid, 800, 4, (value) => {
    writeFileSync(at('suite.yaml'), stringify(value));
    for (const pair of readSuite(at('suite.yaml'))) [pair.original, pair.converted, ...(pair.options.inputs ?? [])].map(existsSync);
  });
}, 120_000);

const RECIPES: readonly Json[] = [
  {
    do_normalize: true,
    do_rescale: true,
    do_resize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
    size: { shortest_edge: 256 },
    crop_size: { height: 224, width: 224 },
    resample: 3,
    rescale_factor: 0.0039,
    image_processor_type: 'ViTImageProcessor',
  },
  {
    pretrained_cfg: {
      input_size: [3, 224, 224],
      crop_pct: 0.9,
      interpolation: 'bicubic',
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      crop_mode: 'center',
    },
  },
  {
    resize_size: [256],
    crop_size: [224],
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    interpolation: 'InterpolationMode.BILINEAR',
  },
  { resize: 256, crop: [224, 224], filter: 'bilinear', range: 1, mean: [0.4, 0.4, 0.4], std: [0.2, 0.2, 0.2], order: 'rgb' },
  {
    'Image.BitmapPixelFormat': 'Bgr8',
    'Image.NominalPixelRange': 'NominalRange_0_255',
    'CustomVision.Preprocess.NormalizeMean': '[0, 0, 0]',
    'CustomVision.Preprocess.TargetHeight': '224',
    'CustomVision.Preprocess.TargetWidth': '224',
  },
];

test.each(RECIPES.map((recipe, index) => [index, recipe] as const))('descriptions of preprocessing (%i)', (index, valid) => {
  survive(valid, 1500, 10 + index, (value) => {
    if (value instanceof Object) recipeFromFields(value, 'a.json', 'a.json');
    recipeInMetadata(
      new Map(Object.entries(value ?? {}).map(([key, each]) => [key, typeof each === 'string' ? each : (JSON.stringify(each) ?? 'null')])),
      'a.onnx',
    );
    recipeInMetadata(new Map([['preprocessor_config', JSON.stringify(value)]]), 'a.onnx');
  });
});

test('labels', () => {
  survive({ 0: ['n01440764', 'tench'], 1: ['n01443537', 'goldfish'], 2: 'shark' }, 1000, 20, (value) =>
    parseLabels(JSON.stringify(value), 'a.json'),
  );
  survive(['tench', 'goldfish', ['n1', 'shark']], 1000, 21, (value) => parseLabels(JSON.stringify(value), 'a.json'));
});

describe('bombs', () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  test('nested JSON', () => {
    writeFileSync(at('deep.json'), deep);
    expect(() => readCertificate(at('deep.json'))).toThrow(expect.objectContaining({ code: 'CERTIFICATE_INVALID' }));
    writeFileSync(at('web/model.json'), deep);
    expect(() => readTfjsView(at('web'))).toThrow(expect.objectContaining({ code: 'TFJS_NOT_A_MODEL' }));
    expect(() => suiteFromJson(deep, 'a.json')).toThrow(expect.objectContaining({ code: 'NOT_A_REPORT' }));
    expect(() => parseLabels(deep, 'a.json')).toThrow(expect.objectContaining({ code: 'LABELS_INVALID' }));
  });
  test.each([
    [
      'aliases',
      `a0: &a0 [x, x, x, x, x, x, x, x, x]\n${Array.from({ length: 12 }, (_, n) => `a${n + 1}: &a${n + 1} [${new Array(9).fill(`*a${n}`).join(', ')}]`).join('\n')}\npairs: *a12\n`,
    ],
    ['an alias of itself', 'pairs: &a [*a]\n'],
    ['nested lists', `pairs: ${'['.repeat(5000)}${']'.repeat(5000)}\n`],
    ['nested maps', `${Array.from({ length: 3000 }, (_, n) => `${' '.repeat(n)}pairs:`).join('\n')} x\n`],
    ['tags', 'pairs: !!binary "AAAA"\n'],
    ['a timestamp', 'pairs: [{original: !!timestamp 2001-12-14, converted: a}]\n'],
    ['several documents', 'pairs: []\n---\npairs: []\n'],
    ['keys that are lists', '? [a, b]\n: c\npairs: []\n'],
    ['merged keys', 'pairs: [{<<: {__proto__: 1}, original: a, converted: b}]\n'],
  ])('YAML with %s', (_, text) => {
    writeFileSync(at('bomb.yaml'), text);
    const started = performance.now();
    expect(() => readSuite(at('bomb.yaml'))).toThrow(expect.objectContaining({ code: 'SUITE_INVALID' }));
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

/**
 * Expectations about passes on small graphs in ONNX text.
 *
 *   test('reads a 2x3 map as the kernel', () =>
 *     expectPass(linearToConv, `g (float[N, 4, 2, 3] X) => (float[N, 5] Y) <float[5, 24] W> {
 *       F = Flatten <axis = 1> (X)
 *       Y = Gemm <transB = 1> (F, W)
 *     }`).toBecome(`
 *       C = Conv <kernel_shape = [2, 3]> (X, W_kernel)
 *       Y = Flatten <axis = 1> (C)`));
 *
 * Always: parse, validate, run the pass and validate after each rule; the result runs to the same numbers in ONNX Runtime, as closely as the pass promises;
 * a second run changes nothing; every node of the result comes from nodes of the source.
 * The text of the result is its node lines. Names of inner values, and of constants that the source does not have, need not agree.
 * A constant without data (`<float[5, 24] W>`) gets numbers from its name (seeded.ts).
 *
 * Return or await the result: the graph is compared at once, the numbers take a moment.
 */
import { allNodes } from '../../src/ir/graph';
import type { Model } from '../../src/ir/model';
import { NEWEST_OPSET } from '../../src/ir/operators';
import { inferShapes } from '../../src/ir/shape-inference';
import { scalar } from '../../src/ir/tensor';
import type { TensorType } from '../../src/ir/types';
import { validateModel } from '../../src/ir/validate';
import { parseModel } from '../../src/onnx/text/parser';
import { printModel, printNode, typeText } from '../../src/onnx/text/printer';
import { type PassReport, runPasses } from '../../src/rewrite/manager';
import type { Numbers, Pass } from '../../src/rewrite/pass';
import { runBoth } from './compare';
import type { FeedOptions } from './run';
import { difference } from './same-graph';
import { seededConstant } from './seeded';

export interface PassExpectation {
  /**
   * The node lines of the result.
   * `departs`: the numbers differ in some bit, so that a stricter claim about them would be untrue. Every pass that claims less than `identical` has such an
   * example; one of a pass that claims `rounding` has sums of one product, which no other order changes.
   */
  toBecome(body: string, how?: { readonly departs: boolean }): Promise<void>;
  /** Nothing changes, and a remark says why; `reason` is a part of it. Without a reason, silence will do. */
  toRefuse(reason?: string | RegExp): Promise<void>;
  /** Nothing changes. */
  toStay(): Promise<void>;
}

/** `options`: sizes of symbolic dimensions, seed and scale of the inputs. */
export function expectPass(passes: Pass | readonly Pass[], text: string, options: FeedOptions = {}): PassExpectation {
  const list: readonly Pass[] = Array.isArray(passes) ? passes : [passes];
  return {
    toBecome(body, { departs } = { departs: false }) {
      const before = parseGraph(text);
      const { model, reports } = run(before, list);
      const kept = new Set(before.graph.constants.map((constant) => constant.name));
      const problem = difference(model.graph, parseBody(body, before).graph, kept);
      if (problem) fail(problem, before, model, reports);
      const known = new Set([...allNodes(before.graph)].flatMap((node) => node.origin));
      for (const node of allNodes(model.graph)) {
        const stray = node.origin.find((name) => !known.has(name));
        if (stray !== undefined)
          fail(`'${node.name}' claims to come from '${stray}', which is not a node of the source`, before, model, reports);
      }
      const after = model.clone();
      const again = run(after, list);
      if (again.reports.some((report) => report.edits > 0)) fail('a second run changes it again', model, again.model, again.reports);
      return runBoth(before, model, weakest(list), options).then((isSame) => {
        if (departs && isSame) fail('every bit is the same: the claim about the numbers is not needed here', before, model, reports);
      });
    },
    toRefuse(reason) {
      const before = parseGraph(text);
      const { model, reports } = run(before, list);
      if (reports.some((report) => report.edits > 0)) fail('it was to be left alone', before, model, reports);
      if (reason === undefined) return Promise.resolve();
      const reasons = reports
        .flatMap(({ remarks }) => remarks)
        .flatMap((remark) => (remark.kind === 'applied' ? [] : [remark.reason ?? '']));
      const matches = (found: string): boolean => (typeof reason === 'string' ? found.includes(reason) : reason.test(found));
      if (!reasons.some(matches)) fail(`no remark says '${reason}', only: ${reasons.join('; ') || 'nothing'}`, before, model, reports);
      return Promise.resolve();
    },
    toStay() {
      const before = parseGraph(text);
      const { model, reports } = run(before, list);
      if (reports.some((report) => report.edits > 0)) fail('it was to be left alone', before, model, reports);
      return Promise.resolve();
    },
  };
}

/** A Model with types, valid, from text; constants without data get seeded numbers. */
export function parseGraph(text: string): Model {
  const model = parseModel(text, {
    missing: (name, type) => {
      const shape = type?.shape?.every((dim) => typeof dim === 'number') ? type.shape : undefined;
      return type && shape && seededConstant(name, type.dtype, shape);
    },
  });
  inferShapes(model);
  validateModel(model);
  return model;
}

function run(before: Model, passes: readonly Pass[]): { model: Model; reports: PassReport[] } {
  const model = before.clone();
  return { model, reports: runPasses(model, passes, { validate: 'rule' }) };
}

/** Node lines in normal form, between the inputs and outputs of the source. Any other name is some constant, of a type that nobody asks for. */
function parseBody(body: string, source: Model): Model {
  const declare = ({ name, type }: { name: string; type: TensorType | undefined }): string =>
    `${type ? typeText(type) : ''} ${JSON.stringify(name)}`;
  const { inputs, outputs } = source.graph;
  const opsets = [...source.opsets].map(([domain, version]) => `"${domain}" : ${domain === '' ? NEWEST_OPSET : version}`);
  return parseModel(
    `<ir_version: 10, opset_import: [${opsets.join(', ')}]> expected (${inputs.map(declare).join(', ')}) => (${outputs.map(declare).join(', ')}) {${body}\n}`,
    { missing: () => scalar('float', 0), asWritten: true },
  );
}

const ORDER: readonly Numbers[] = ['identical', 'reordered', 'rounding'];
const weakest = (passes: readonly Pass[]): Numbers =>
  passes.map((pass) => pass.numbers).reduce<Numbers>((a, b) => (ORDER.indexOf(a) > ORDER.indexOf(b) ? a : b), 'identical');

function fail(problem: string, before: Model, after: Model, reports: readonly PassReport[]): never {
  const remarks = reports
    .flatMap(({ remarks }) => remarks)
    .map(
      ({ kind, pass, rule, reason, at }) => `  ${pass}/${rule ?? ''} ${kind}${reason ? `: ${reason}` : ''} (${at.node ?? at.value ?? ''})`,
    );
  const body = after.graph.nodes.map((node) => `  ${printNode(node)}`).join('\n');
  throw new Error(`${problem}\n--- before\n${printModel(before)}--- after\n${body}\n--- remarks\n${remarks.join('\n') || '  none'}`);
}

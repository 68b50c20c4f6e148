/** The worker of the page: reads, converts, verifies and runs models. It keeps one model; ending it cancels whatever it does. */
import { zipSync } from 'fflate';
import { allPasses } from '../../passes';
import { shapeText } from '../analysis/layers';
import type { ModelSummary } from '../analysis/summary';
import type { Compiled } from '../compile';
import type { SizeRequest } from '../compile/input-size';
import { windowLengths, windowLetters } from '../compile/input-size';
import { CompileError } from '../diagnostics/compile-error';
import { formatDiagnostic } from '../diagnostics/format';
import type { Model } from '../ir/model';
import { table } from '../ir/table';
import { pixelStride } from '../operators/pixel-stride';
import { rewriteFacts, rewriteText } from '../reports/conversion';
import { summaryText } from '../reports/summary-table';
import { compile, diffPicture, formatVerifyReport, graphPicture, modelBlob, readModel, summarise, toTfjs, verify } from '../web';
import { Runners } from './heat';
import type { About, Answer, Ask, Converted, JobName, Jobs, LayerRow, MapFacts, Settings, StepFacts } from './protocol';

/** Where ONNX Runtime's files are: beside this one. */
const ONNX_RUNTIME = { wasmPaths: './' };

interface Opened {
  readonly file: File;
  readonly externalData: Readonly<Record<string, File>>;
  readonly model: Model;
}
let opened: Opened | undefined;
interface Step {
  readonly facts: StepFacts;
  readonly after: Model;
}
let converted:
  | { readonly compiled: Compiled; readonly size: SizeRequest; readonly steps: readonly Step[]; readonly blob: Blob }
  | undefined;
let runners: Runners | undefined;

const tell = (answer: Answer): void => postMessage(answer);

const jobs: { [J in JobName]: (give: Jobs[J]['give']) => Promise<Jobs[J]['get']> } = {
  async open({ files }): Promise<About> {
    const file = files.find(({ name }) => /\.onnx$/i.test(name)) ?? files[0];
    if (!file) throw new Error('no file was given');
    const externalData = Object.fromEntries(files.filter((each) => each !== file).map((each) => [each.name, each]));
    const warnings: string[] = [];
    const model = await readModel(file, { externalData, warn: (warning) => warnings.push(formatDiagnostic(warning)) });
    const summary = summarise(model);
    opened = { file, externalData, model };
    converted = undefined;
    await runners?.release();
    runners = undefined;
    return {
      name: file.name,
      bytes: files.reduce((sum, { size }) => sum + size, 0),
      layers: rowsOf(summary),
      nodes: model.graph.nodeCount,
      parameters: summary.list.parameters,
      summary: summaryText(file.name, summary).join('\n'),
      warnings,
    };
  },

  async convert(settings): Promise<Converted> {
    const { model } = needed(opened);
    const started = performance.now();
    let steps: Step[] = [];
    const compiled = compile(model, {
      head: settings.head,
      stride: settings.stride,
      optimise: settings.optimise,
      inputSize: sizeOf(settings),
      onRestart: () => {
        steps = [];
      },
      onPass({ pass: { name, summary, numbers }, model: after, report: { edits, nodesBefore, nodesAfter } }) {
        tell({ kind: 'progress', doing: summary });
        if (edits > 0) steps.push({ facts: { pass: name, summary, numbers, nodesBefore, nodesAfter }, after: after.clone() });
      },
    });
    const blob = modelBlob(compiled.model);
    const seconds = (performance.now() - started) / 1000;
    await runners?.release();
    runners = undefined;
    const facts = rewriteFacts(compiled, new Map(allPasses.map(({ name, summary }) => [name, summary])));
    const size: SizeRequest = {
      shapes: new Map(
        compiled.original.graph.inputs.flatMap(({ name, type }) =>
          type?.shape && compiled.report.windows.some(({ input }) => input === name)
            ? [[name, type.shape.map((dim) => (typeof dim === 'number' ? dim : 1))] as const]
            : [],
        ),
      ),
    };
    converted = { compiled, size, steps, blob };
    const [before, after] = [summarise(compiled.original, size), summarise(compiled.model, size)];
    const replaced = new Map(facts.layers.map(({ from, to }) => [from, to]));
    return {
      steps: steps.map(({ facts: step }) => step),
      before: rowsOf(before, (notation) => replaced.has(notation)),
      after: rowsOf(after, (notation) => [...replaced.values()].includes(notation)),
      report: rewriteText(facts, { remarks: false }).join('\n'),
      bytes: blob.size,
      seconds,
      map: mapFacts(compiled),
    };
  },

  async verify({ quick }) {
    const { file, externalData } = needed(opened);
    const { compiled } = needed(converted);
    const report = await verify({ file, externalData }, compiled.model, {
      compiled,
      onnxRuntime: ONNX_RUNTIME,
      ...(quick && { budget: 0 }),
      onProgress: (doing) => tell({ kind: 'progress', doing }),
    });
    return { verdict: report.verdict, text: await formatVerifyReport({ ...report, contract: undefined }) };
  },

  async download({ what }) {
    const { compiled, blob } = needed(converted);
    if (what === 'onnx') return blob;
    if (what === 'graph')
      return new Blob([await graphPicture(compiled.model, 'html', { title: needed(opened).file.name })], { type: 'text/html' });
    tell({ kind: 'progress', doing: 'writing the TensorFlow.js model' });
    const { files } = await toTfjs(compiled.model);
    const entries = table<Uint8Array>({});
    for (const [name, content] of files) entries[name] = new Uint8Array(await content.arrayBuffer());
    // Weights do not compress.
    return new Blob([zipSync(entries, { level: 0 }) as Uint8Array<ArrayBuffer>], { type: 'application/zip' });
  },

  async step({ at }) {
    const { compiled, size, steps } = needed(converted);
    const { after, facts } = needed(steps[at]);
    const before = steps[at - 1]?.after ?? compiled.original;
    const titles = [steps[at - 1]?.facts.pass ?? 'original', facts.pass] as const;
    return new Blob([await diffPicture(before, after, 'svg', { inputSize: size, titles })], { type: 'image/svg+xml' });
  },

  async heat(request) {
    const { file, externalData, model } = needed(opened);
    const { compiled, blob } = needed(converted);
    runners ??= new Runners(
      { original: externalData && Object.keys(externalData).length > 0 ? modelBlob(model) : file, converted: blob },
      compiled,
      ONNX_RUNTIME,
    );
    return runners.heat(request, (doing) => tell({ kind: 'progress', doing }));
  },
};

function needed<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there is no model yet');
  return value;
}

const sizeOf = ({ side }: Settings): SizeRequest | undefined => (side === undefined ? undefined : { lengths: [side, side] });

const rowsOf = ({ list }: ModelSummary, changed: (notation: string) => boolean = () => false): LayerRow[] =>
  list.layers.map(({ notation, outputs, parameters }) => ({
    notation,
    shape: shapeText(outputs[0]?.type),
    parameters,
    changed: changed(notation),
  }));

/** Undefined unless its first output is a map over a picture with the channels second. */
function mapFacts({ model, report }: Compiled): MapFacts | undefined {
  const [window] = report.windows;
  const [output] = model.graph.outputs;
  if (!window || !output || report.head === 'original' || report.head === 'image') return undefined;
  if (windowLetters(window).length !== 2 || window.layout !== 'NCHW' || !window.channels || output.type?.shape?.length !== 4)
    return undefined;
  const [height = 1, width = 1] = windowLengths(window);
  const [rows = 1, columns = 1] = pixelStride(output);
  return { channels: window.channels, window: [height, width], stride: [rows, columns] };
}

addEventListener('message', ({ data }: MessageEvent<Ask>) => {
  void answer(data);
});

async function answer<J extends JobName>({ job, give }: Ask<J>): Promise<void> {
  try {
    tell({ kind: 'done', get: await jobs[job](give) });
  } catch (error) {
    tell(
      error instanceof CompileError
        ? { kind: 'failed', text: formatDiagnostic(error.diagnostic), isBug: false }
        : { kind: 'failed', text: error instanceof Error ? error.message : String(error), isBug: true },
    );
  }
}

/** What inputs are given to: the functions of this program through which files come in and go out. plants.ts has ones with faults, for the test of the fuzzer itself. */
import { checkCertificate } from '../../src/certificate/check';
import { readConfig } from '../../src/cli/config';
import { main } from '../../src/cli/main';
import { compile } from '../../src/compile';
import { readModelFile } from '../../src/files';
import { readText } from '../../src/files/read-text';
import { readTfjsView } from '../../src/files/tfjs-view';
import { modelToBytes } from '../../src/onnx/write';
import { labelsFor } from '../../src/pictures/files/labels';
import { readPicture } from '../../src/pictures/files/pictures';
import { declaredRecipe, namedRecipe } from '../../src/pictures/files/recipes';
import { lowerToTfjs } from '../../src/tfjs/lower';
import { loadSamples } from '../../src/verify/files/inputs';
import { readSuite } from '../../src/verify/files/suite';
import { annotations, summary } from '../../src/verify/suite/github';
import { junit } from '../../src/verify/suite/junit';
import { markdown } from '../../src/verify/suite/markdown';
import { mergeSuites } from '../../src/verify/suite/merge';
import { reportToJson, suiteFromJson } from '../../src/verify/suite/suite-report';
import { eachWeight, readTfjsFiles } from '../../src/verify/tfjs/files';
import { tfjsStandIn } from '../../src/verify/tfjs/model';

export interface Target {
  readonly readModelFile: typeof readModelFile;
  readonly compile: typeof compile;
  readonly modelToBytes: typeof modelToBytes;
  readonly lowerToTfjs: typeof lowerToTfjs;
  readonly main: typeof main;
  /** Whatever reads another file than a model, without a command around it. */
  readonly doors: Readonly<Record<Door, (name: string) => unknown>>;
}

export type Door = 'tfjs' | 'certificate' | 'report' | 'suite' | 'config' | 'recipe' | 'labels' | 'picture' | 'array';

const CLASSES = 4;

/** What the small pair of models takes. */
const PORTS = {
  inputs: [{ name: 'X', type: { dtype: 'float', shape: [1, 3, 12, 10] } }],
  windows: [{ input: 'X', layout: 'NCHW', channels: 3, height: 12, width: 10 }],
} as const;

export const REAL: Target = {
  readModelFile,
  compile,
  modelToBytes,
  lowerToTfjs,
  main,
  doors: {
    tfjs: (name) => [readTfjsView(name), tfjsStandIn(name), eachWeight(readTfjsFiles(name)).map(([, bytes]) => bytes())],
    certificate: (name) => checkCertificate(name),
    report: (name) => {
      const file = suiteFromJson(readText(name), name);
      const suite = mergeSuites([{ file: name, suite: file }]);
      return [reportToJson(suite), junit(suite), markdown(suite), annotations(suite), summary(suite)];
    },
    suite: readSuite,
    config: (name) => readConfig(name, 'inspect'),
    recipe: (name) => [namedRecipe(name), declaredRecipe('pair.onnx', new Map())],
    // Beside a model they are looked at without being asked for, too.
    labels: (name) => [labelsFor(undefined, CLASSES, new Map(), 'pair.onnx'), labelsFor(name, CLASSES, new Map(), 'pair.onnx')],
    picture: (name) => readPicture(name),
    array: (name) => loadSamples([name], PORTS),
  },
};

/** Adapts an emitted TensorFlow.js model for verification: a runtime for it, and a Model with its inputs and outputs. */
import { notTfjs } from '../../diagnostics/catalogue';
import { Graph } from '../../ir/graph';
import { Model } from '../../ir/model';
import type { DType, TensorType } from '../../ir/types';
import type { TfjsAbout, TfjsPort } from '../../tfjs/about';
import type { OtherRuntime } from '../subject';
import type { TfjsBackend } from './backend';
import { aboutOf, readModelJson, signaturePorts } from './files';
import { REORDER, tfjsSide } from './inside';
import { openTfjsSession, tfjsRuntimeName } from './runner';

/** Files are read anew for every session: only one copy of the weights is in memory at a time. */
export const tfjsRuntime = (path: string, backend: TfjsBackend = 'wasm'): OtherRuntime => ({
  name: tfjsRuntimeName(backend),
  open: () => openTfjsSession(path, { backend }),
  openReordered: () => openTfjsSession(path, { backend, reorder: REORDER }),
  inside: () => tfjsSide(path, backend),
});

/**
 * Its inputs, outputs and metadata as a Model with a single node for the whole network; the verifier needs no more.
 * Models of other programs have their own names and shapes, which are taken from the signature. Throws CompileError TFJS_NOT_A_MODEL.
 */
export function tfjsStandIn(path: string): Model {
  const json = readModelJson(path);
  const about = aboutOf(json);
  const ports = { inputs: about.inputs ?? signaturePorts(json, 'inputs'), outputs: about.outputs ?? signaturePorts(json, 'outputs') };
  if (!ports.inputs || !ports.outputs) throw notTfjs(path, 'has no signature: what its inputs and outputs are is not known');
  const graph = new Graph('tfjs');
  const inputs = Object.entries(ports.inputs).map(([name, port]) => graph.addInput(name, typeOf(port)));
  const names = Object.keys(ports.outputs);
  const types = Object.values(ports.outputs).map(typeOf);
  const node = graph.addNode({ op: 'GraphModel', domain: 'tfjs', inputs, outputs: names, outputTypes: types });
  graph.setOutputs(node.outputs);
  return new Model({ graph, metadata: metadataOf(about) });
}

function typeOf({ dtype = 'float', shape }: TfjsPort): TensorType {
  return { dtype: dtype as DType, ...(shape && { shape: shape.map((dim) => dim ?? undefined) }) };
}

/** In the format of metadata.ts: objects as JSON, strings unchanged. */
function metadataOf(about: TfjsAbout): Map<string, string> {
  const { inputs: _inputs, outputs: _outputs, origins: _origins, values: _values, ...facts } = about;
  return new Map(
    Object.entries(facts).map(([key, fact]) => [`convolutionize.${key}`, typeof fact === 'string' ? fact : JSON.stringify(fact)]),
  );
}

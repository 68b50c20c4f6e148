/** An emitted TensorFlow.js model as the verifier wants it: something to run, and the inputs and outputs of a Model. */
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

/** Files are read when a session opens, and again for each: one copy of the weights is in memory at a time. */
export const tfjsRuntime = (path: string, backend: TfjsBackend = 'wasm'): OtherRuntime => ({
  name: tfjsRuntimeName(backend),
  open: () => openTfjsSession(path, { backend }),
  openReordered: () => openTfjsSession(path, { backend, reorder: REORDER }),
  inside: () => tfjsSide(path, backend),
});

/**
 * Its inputs and outputs, and what it says about itself, as a Model whose only node is the whole network: the verifier looks no further.
 * Models of other programs have names and shapes of their own, from the signature. Throws CompileError TFJS_NOT_A_MODEL.
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

/** The spelling of metadata.ts: facts are JSON, words are words. */
function metadataOf(about: TfjsAbout): Map<string, string> {
  const { inputs: _inputs, outputs: _outputs, origins: _origins, values: _values, ...facts } = about;
  return new Map(
    Object.entries(facts).map(([key, fact]) => [`convolutionize.${key}`, typeof fact === 'string' ? fact : JSON.stringify(fact)]),
  );
}

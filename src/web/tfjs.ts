/** TensorFlow.js models as files in memory. */
import { fits } from '../formats/schemas';
import type { Model } from '../ir/model';
import type { TfjsAbout } from '../tfjs/about';
import { type ArtifactOptions, type ArtifactReport, writeArtifacts } from '../tfjs/artifacts';
import { factsOf } from '../tfjs/facts';
import { type LowerOptions, lowerToTfjs } from '../tfjs/lower';

export interface TfjsWebOptions extends LowerOptions, Pick<ArtifactOptions, 'quantisation' | 'shardSize' | 'signatureName'> {
  /** Class names in channel order. Default: those in the model's own metadata. */
  readonly labels?: readonly string[] | undefined;
  /** Required preparation of images, written to the metadata unchanged. Default: the value in the model's own metadata. */
  readonly preprocessing?: unknown;
}

export interface TfjsWeb {
  /** `model.json` and its shards, by name. */
  readonly files: ReadonlyMap<string, Blob>;
  readonly report: ArtifactReport;
}

export function tfjsFiles(model: Model, options: TfjsWebOptions): TfjsWeb {
  const graph = lowerToTfjs(model, options);
  const files = new Map<string, Blob>();
  let [name, parts]: [string, Uint8Array<ArrayBuffer>[]] = ['', []];
  const close = (): void => {
    if (name !== '') files.set(name, new Blob(parts, { type: 'application/octet-stream' }));
    parts = [];
  };
  const report = writeArtifacts(
    graph,
    {
      shard(next) {
        close();
        name = next;
      },
      // Its memory is used again.
      write: (bytes) => void parts.push(bytes.slice()),
      json(text) {
        close();
        files.set('model.json', new Blob([text], { type: 'application/json' }));
      },
    },
    { ...options, about: factsOf(model, options, (facts): facts is TfjsAbout => fits('tfjsAbout', facts)) },
  );
  return { files, report };
}

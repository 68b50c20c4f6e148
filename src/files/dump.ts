/**
 * A directory of texts, one for each state of a model, with one shared file of weights: each text is a complete model.
 *
 *   00-original.onnxtxt   01-fold-constants.onnxtxt   ...   weights.data
 */
import { join } from 'node:path';
import { cannotWrite } from '../diagnostics/catalogue';
import type { Model } from '../ir/model';
import { streamTensor } from '../ir/stream';
import { tensorByteLength } from '../ir/tensor';
import type { Tensor, TensorData } from '../ir/types';
import { printModel, type TextPlace } from '../onnx/text/printer';
import { NewFile, type StagedDirectory, stageDirectory, writeInScratch } from '../output';
import { reasonOf } from './file-source';

const WEIGHTS = 'weights.data';

/** Whether a file is one that a dump writes. */
export const isOfDump = (name: string): boolean => name === WEIGHTS || /^\d{2,}-[\w.-]+\.onnxtxt$/.test(name);

export class DumpDirectory {
  private readonly places = new Map<TensorData, TextPlace>();
  private readonly staged: StagedDirectory;
  private readonly weights: NewFile;
  private length = 0;
  private count = 0;

  /** Throws CompileError DIRECTORY_NOT_EMPTY, unless `force`: then the files of an earlier run are removed, and nothing else. */
  constructor(
    private readonly path: string,
    { force = false, inputs }: { readonly force?: boolean; readonly inputs?: readonly string[] } = {},
  ) {
    const replaces = force ? { kind: 'some' as const, isOld: isOfDump } : undefined;
    this.staged = stageDirectory(path, { replaces, inputs });
    this.weights = this.guarded(() => new NewFile(join(this.staged.path, WEIGHTS)));
  }

  /** Writes the next text, with `title` as a comment at its top. */
  add(label: string, title: string, model: Model): void {
    const name = `${String(this.count++).padStart(2, '0')}-${label}.onnxtxt`;
    const text = printModel(model, {
      weights: 'reference',
      place: (tensor) => this.placeOf(tensor),
      types: 'both',
      origins: true,
      beyond: true,
    });
    this.guarded(() => writeInScratch(this.staged.path, name, `# ${title.replace(/\s+/g, ' ')}\n${text}`));
  }

  /** Moves the directory to its place: until then, also if the program is interrupted, nothing is there. */
  close(): void {
    this.guarded(() => this.weights.close());
    this.staged.commit();
    this.staged.discard();
  }

  /** Writes every payload once, whatever shapes it is used with. */
  private placeOf(tensor: Tensor): TextPlace | undefined {
    const { data } = tensor;
    if (data.kind === 'strings') return undefined;
    const known = this.places.get(data);
    if (known) return known;
    const place = { location: WEIGHTS, offset: this.length, length: tensorByteLength(tensor) };
    this.places.set(data, place);
    streamTensor(tensor, (bytes) => this.append(bytes));
    return place;
  }

  private append(bytes: Uint8Array): void {
    this.guarded(() => this.weights.write(bytes));
    this.length += bytes.length;
  }

  private guarded<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (error instanceof Error && 'code' in error && 'syscall' in error) throw cannotWrite(this.path, reasonOf(error));
      throw error;
    }
  }
}

/** TensorFlow.js models as directories: written next to their final place, and renamed when complete. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { cannotWrite, outputDirectoryMissing, outputExists, outputNotModel } from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import { parseJson } from '../formats/json';
import { fits } from '../formats/schemas';
import type { Model } from '../ir/model';
import { type StagedDirectory, stageDirectory, writeInScratch } from '../output';
import type { TfjsAbout } from '../tfjs/about';
import { type ArtifactOptions, type ArtifactReport, writeArtifacts } from '../tfjs/artifacts';
import { factsOf } from '../tfjs/facts';
import type { TfjsGraph } from '../tfjs/graph';
import { type LowerOptions, lowerToTfjs } from '../tfjs/lower';
import { pathOf } from '.';
import { bufferedFile, type OpenFile } from './file-sink';
import { reasonOf } from './file-source';

export interface WriteTfjsOptions extends LowerOptions {
  /** Replaces a directory that contains a TensorFlow.js model. An empty one is always replaced. */
  readonly force?: boolean | undefined;
  readonly shardSize?: number | undefined;
  readonly quantisation?: ArtifactOptions['quantisation'];
  readonly signatureName?: string | undefined;
  /** Class names in channel order, for the metadata. Default: those in the model's own metadata. */
  readonly labels?: readonly string[] | undefined;
  /** Required preparation of images (docs/pictures.md), written to the metadata unchanged. Default: the value in the model's own metadata. */
  readonly preprocessing?: unknown;
}

/** Report on the written model; until it is committed, the files are in a temporary directory. */
export interface TfjsWritten extends ArtifactReport {
  readonly directory: string;
}

/**
 * Writes an ONNX model as a TensorFlow.js graph model: `directory`/model.json and its shards. The directory is either complete or absent.
 * Throws CompileError: UNSUPPORTED_OPERATORS before anything is written, OUTPUT_EXISTS, OUTPUT_NOT_MODEL, CANNOT_WRITE.
 */
export function writeTfjsModel(model: Model, directory: string, options: WriteTfjsOptions = {}): TfjsWritten {
  const force = options.force ?? false;
  checkTfjsOutput(directory, force);
  const graph = lowerToTfjs(model, options);
  const staged = stageTfjs(directory, force);
  try {
    const report = writeTfjsFiles(model, graph, staged.path, options);
    staged.commit();
    return { ...report, directory };
  } finally {
    staged.discard();
  }
}

/** Throws CompileError if the directory must not be written. */
export function checkTfjsOutput(directory: string, force: boolean): void {
  const home = dirname(resolve(directory));
  if (!statSync(home, { throwIfNoEntry: false })?.isDirectory()) throw outputDirectoryMissing(directory, home);
  const there = statSync(directory, { throwIfNoEntry: false });
  if (!there) return;
  if (!there.isDirectory()) throw outputNotModel(directory, 'it is a file');
  const files = readdirSync(directory);
  if (files.length === 0) return;
  if (!force) throw outputExists(directory);
  if (!isTfjsModel(directory, files)) throw outputNotModel(directory, 'it holds other files than those of a TensorFlow.js model');
}

/** Whether it contains model.json, its shards, and nothing else. */
function isTfjsModel(directory: string, files: readonly string[]): boolean {
  if (!files.includes('model.json') || !files.every((file) => file === 'model.json' || /^group\d+-shard\d+of\d+(\.bin)?$/.test(file)))
    return false;
  try {
    const json = parseJson(readFileSync(join(directory, 'model.json'), 'utf8'));
    return typeof json === 'object' && json !== null && 'modelTopology' in json;
  } catch {
    return false;
  }
}

/** A new directory next to `directory`; however the program ends, the old one is there until the new one replaces it. */
export const stageTfjs = (directory: string, force: boolean): StagedDirectory =>
  stageDirectory(directory, { replaces: { kind: 'all', check: () => checkTfjsOutput(directory, force) } });

/** Writes the files of a graph into an existing directory. */
export function writeTfjsFiles(model: Model, graph: TfjsGraph, directory: string, options: WriteTfjsOptions = {}): ArtifactReport {
  let file: OpenFile | undefined;
  try {
    return writeArtifacts(
      graph,
      {
        shard(name) {
          file?.close();
          file = bufferedFile(join(directory, name));
        },
        write: (bytes) => file?.write(bytes),
        json(text) {
          file?.close();
          file = undefined;
          guarded(directory, () => writeInScratch(directory, 'model.json', text));
        },
      },
      {
        shardSize: options.shardSize,
        quantisation: options.quantisation,
        signatureName: options.signatureName,
        about: aboutOf(model, options),
      },
    );
  } catch (error) {
    file?.close();
    throw error;
  }
}

/** Metadata of the ONNX model, and the file that it was read from. */
function aboutOf(model: Model, { labels, preprocessing }: WriteTfjsOptions): ArtifactOptions['about'] {
  const path = pathOf(model);
  const source = path === undefined ? undefined : { file: basename(path), sha256: sha256(path) };
  return factsOf(model, { source, labels, preprocessing }, (facts): facts is TfjsAbout => fits('tfjsAbout', facts));
}

/** Hash of a file, read in pieces. */
function sha256(path: string): string {
  const hash = createHash('sha256');
  const descriptor = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(2 ** 20);
    for (let count = readSync(descriptor, buffer); count > 0; count = readSync(descriptor, buffer)) hash.update(buffer.subarray(0, count));
  } finally {
    closeSync(descriptor);
  }
  return hash.digest('hex');
}

function guarded<T>(directory: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof CompileError ? error : cannotWrite(directory, reasonOf(error));
  }
}

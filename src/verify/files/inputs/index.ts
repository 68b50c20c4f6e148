/**
 * Reads inputs for models from files:
 *
 *   a.npy          an array, for the model's only input, or for the one named: image=a.npy
 *   a.npz          arrays by the names of the inputs
 *   input_0.pb     TensorProto, assigned by the name in it, or else by the number in the file name
 *   photo.jpg      a picture, for an image input, prepared as `predict` does (image.ts)
 *   a folder       each file is a sample; files input_<n>.pb together are one, as in ONNX's test_data_set_0; subfolders are read in the same way
 *
 * An array with several images along its first axis is split into as many samples, if the model takes one at a time.
 */
import { readdirSync, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import type { ImageWindow } from '../../../compile/input-size';
import { cannotRead, inputDtype, inputFileUnknown, inputMissing, inputShape } from '../../../diagnostics/catalogue';
import { reasonOf } from '../../../files/file-source';
import { readNumbers } from '../../../ir/tensor';
import type { Dim, TensorType } from '../../../ir/types';
import { readTensorFile } from '../../../onnx/tensor-file';
import { readInput } from '../../../output';
import { PICTURE_EXTENSIONS } from '../../../pictures/files/pictures';
import type { FoundRecipe } from '../../../pictures/files/recipes';
import type { Numbers } from '../../onnx-runner';
import type { Sample } from '../../samples';
import { type Described, preparationOf, readImage } from './image';
import { readNpy, readNpz } from './npy';

/** Target of the files: the inputs of the original model, at static sizes where known. */
export interface InputPorts {
  readonly inputs: readonly { readonly name: string; readonly type: TensorType | undefined }[];
  readonly windows: readonly ImageWindow[];
  /** Preprocessing of pictures, as for `predict --preset`. Default: the one that `models` state. */
  readonly preset?: string | undefined;
  readonly models?: readonly Described[] | undefined;
  /** Called for each picture with its preprocessing. */
  readonly onPicture?: ((prepared: FoundRecipe) => void) | undefined;
}

/** Throws CompileError CANNOT_READ, INPUT_FILE_UNKNOWN, INPUT_FILE_BROKEN, INPUT_SHAPE, INPUT_DTYPE, INPUT_MISSING, NOT_A_TENSOR; for pictures, as `predict`. */
export async function loadSamples(paths: readonly string[], ports: InputPorts): Promise<readonly Sample[]> {
  const named = new Map<string, { readonly path: string; readonly numbers: Numbers }>();
  const samples: Sample[] = [];
  for (const text of paths) {
    const [, name, path] = /^([^=/\\]+)=(.+)$/s.exec(text) ?? [];
    if (name !== undefined && path !== undefined && ports.inputs.some((input) => input.name === name))
      named.set(name, { path, numbers: await readArray(path, name, ports) });
    else for (const unit of unitsOf(text)) samples.push(...(await readUnit(unit, ports)));
  }
  if (named.size > 0) {
    const found = new Map([...named].map(([name, { numbers }]) => [name, numbers]));
    samples.push(
      ...asSamples([...named.values()].map(({ path }) => basename(path)).join('+'), [...named.values()][0]?.path ?? '', found, ports),
    );
  }
  return samples;
}

/** Files that make up one sample, or one file with one or more samples. */
interface Unit {
  readonly label: string;
  readonly files: readonly string[];
}

const PICTURES = new Set(PICTURE_EXTENSIONS);
const ARRAYS = new Set(['.npy', '.npz', '.pb']);

function unitsOf(path: string): readonly Unit[] {
  let isDirectory: boolean;
  try {
    isDirectory = statSync(path).isDirectory();
  } catch (error) {
    throw cannotRead(path, reasonOf(error));
  }
  if (!isDirectory) return [{ label: basename(path), files: [path] }];
  const names = readdirSync(path, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  const tensors = names.filter(({ name }) => /^input_\d+\.pb$/.test(name)).map(({ name }) => join(path, name));
  const units: Unit[] = tensors.length > 0 ? [{ label: basename(path), files: tensors }] : [];
  for (const entry of names) {
    const file = join(path, entry.name);
    if (entry.isDirectory()) units.push(...unitsOf(file));
    // The results in ONNX's test data are not inputs.
    else if (!tensors.includes(file) && !/^output_\d+\.pb$/.test(entry.name) && isReadable(file))
      units.push({ label: entry.name, files: [file] });
  }
  if (units.length === 0) throw inputFileUnknown(path);
  return units;
}

const isReadable = (file: string): boolean => PICTURES.has(extname(file).toLowerCase()) || ARRAYS.has(extname(file).toLowerCase());

async function readUnit({ label, files }: Unit, ports: InputPorts): Promise<readonly Sample[]> {
  const found = new Map<string, Numbers>();
  for (const file of files) {
    if (extname(file).toLowerCase() === '.npz') for (const [name, numbers] of readNpz(bytesOf(file), file)) found.set(name, numbers);
    else {
      const [name, numbers] = await readOne(file, ports);
      found.set(name, numbers);
    }
  }
  return asSamples(label, files[0] ?? label, found, ports);
}

/** Reads one array, and determines its input. */
async function readOne(file: string, ports: InputPorts): Promise<readonly [string, Numbers]> {
  const only = ports.inputs.length === 1 ? ports.inputs[0] : undefined;
  if (extname(file).toLowerCase() === '.pb') {
    const { name, tensor } = readTensorFile(bytesOf(file), file);
    const byNumber = ports.inputs[Number(/input_(\d+)\.pb$/.exec(file)?.[1] ?? 0)];
    const input = ports.inputs.find((candidate) => candidate.name === name) ?? (name === '' ? byNumber : only);
    return [input?.name ?? name, { dtype: tensor.dtype, shape: tensor.shape, data: readNumbers(tensor) }];
  }
  const isPicture = PICTURES.has(extname(file).toLowerCase());
  const target = only?.name ?? (isPicture ? ports.windows[0]?.input : undefined) ?? basename(file, extname(file));
  return [target, await readArray(file, target, ports)];
}

async function readArray(file: string, name: string, ports: InputPorts): Promise<Numbers> {
  const { inputs, windows } = ports;
  const extension = extname(file).toLowerCase();
  if (extension === '.npy') return readNpy(bytesOf(file), file);
  if (extension === '.pb') return (await readOne(file, { inputs: inputs.filter((input) => input.name === name), windows }))[1];
  const window = windows.find(({ input }) => input === name);
  if (!PICTURES.has(extension) || !window) throw inputFileUnknown(file);
  const dtype = inputs.find((input) => input.name === name)?.type?.dtype ?? 'float';
  const port = { name, dtype, window };
  const prepared = preparationOf(port, ports.preset, ports.models ?? [], file);
  ports.onPicture?.(prepared);
  return readImage(file, port, prepared);
}

/** Checks the arrays against the inputs of the model, and splits them into samples. */
function asSamples(label: string, file: string, found: ReadonlyMap<string, Numbers>, { inputs }: InputPorts): readonly Sample[] {
  const fitted = inputs.map(({ name, type }): [string, readonly Numbers[]] => {
    const numbers = found.get(name);
    if (!numbers) throw inputMissing(file, name, [...found.keys()]);
    if (type && numbers.dtype !== type.dtype) throw inputDtype(file, name, numbers.dtype, type.dtype);
    const parts = type?.shape ? partsOf(numbers, type.shape) : [numbers];
    if (!parts) throw inputShape(file, name, numbers.shape, type?.shape?.map((dim) => dim ?? '?').join(', ') ?? '');
    return [name, parts];
  });
  const count = Math.max(1, ...fitted.map(([, parts]) => parts.length));
  return Array.from({ length: count }, (_, at) => ({
    kind: count > 1 ? `${label}[${at}]` : label,
    feeds: new Map(
      fitted.flatMap(([name, parts]): [string, Numbers][] => {
        const numbers = parts[at] ?? parts[0];
        return numbers ? [[name, numbers]] : [];
      }),
    ),
  }));
}

/** Fits an array to an input: unchanged, with a batch axis of one added, or split into batches of one. undefined if it does not fit. */
function partsOf(numbers: Numbers, wanted: readonly Dim[]): readonly Numbers[] | undefined {
  const fits = (shape: readonly number[]): boolean =>
    shape.length === wanted.length && wanted.every((dim, axis) => typeof dim !== 'number' || dim === shape[axis]);
  if (fits(numbers.shape)) return [numbers];
  if (fits([1, ...numbers.shape])) return [{ ...numbers, shape: [1, ...numbers.shape] }];
  const [count = 0, ...rest] = numbers.shape;
  if (count < 1 || !fits([1, ...rest])) return undefined;
  const size = rest.reduce((product, dim) => product * dim, 1);
  return Array.from({ length: count }, (_, at) => ({
    dtype: numbers.dtype,
    shape: [1, ...rest],
    data: numbers.data.slice(at * size, (at + 1) * size),
  }));
}

function bytesOf(file: string): Uint8Array {
  try {
    return readInput(file);
  } catch (error) {
    throw cannotRead(file, reasonOf(error));
  }
}

/** Verification in a browser. One model at a time is in the memory of the runtime, and its bytes are read when it is opened. */
import { Model } from '../ir/model';
import type { VerifyReport } from '../verify/report';
import { type VerifyAnyOptions, verifyAny } from '../verify/verify';
import { bytesOf } from './blob-source';
import { modelBlob, nameOf, type ReadWebOptions, readModel } from './models';
import { type Loadable, type RuntimeOptions, sessionOpener } from './runtime';

/** An ONNX file; with its files of weights, if it has any. */
export type ModelFile = Blob | Uint8Array | { readonly file: Blob | Uint8Array; readonly externalData?: ReadWebOptions['externalData'] };

export interface VerifyWebOptions extends VerifyAnyOptions {
  readonly onnxRuntime?: RuntimeOptions | undefined;
}

export async function verifyInBrowser(
  original: ModelFile | Model,
  converted: ModelFile | Model,
  options: VerifyWebOptions,
): Promise<VerifyReport> {
  const files = new Map<string, () => Promise<Loadable>>();
  /** Names, because the bytes are needed only while a session is opened. */
  const keep = (name: string, load: () => Promise<Loadable>): string => {
    let free = name;
    for (let count = 2; files.has(free); count++) free = `${name} (${count})`;
    files.set(free, load);
    return free;
  };
  const place = (model: Model, name: string): string => {
    const blob = modelBlob(model);
    return keep(name, async () => ({ bytes: await bytesOf(blob, name), external: [] }));
  };
  const read = async (given: ModelFile | Model): Promise<Given> => {
    if (given instanceof Model) return { model: given, name: undefined, runnable: undefined };
    const { file, externalData } = partsOf(given);
    const name = nameOf(file);
    const model = await readModel(file, { externalData, warn: options.warn });
    const load = async (): Promise<Loadable> => ({
      bytes: await bytesOf(file, name),
      external: await Promise.all(
        Object.entries(externalData ?? {}).map(async ([path, blob]) => ({ path, data: await bytesOf(blob, path) })),
      ),
    });
    return { model, name, runnable: keep(name, load) };
  };
  const [first, second] = [await read(original), await read(converted)];
  return verifyAny<Given>(first, second, options, {
    open: sessionOpener(options.onnxRuntime ?? {}, async (name) => {
      const load = files.get(name);
      if (!load) throw new Error(`'${name}' is not known`);
      return load();
    }),
    place,
    read: (given) => (given instanceof Model ? given : given.model),
    runnable: (given, name) => (given instanceof Model ? place(given, name) : (given.runnable ?? place(given.model, name))),
    pathOf: (given) => (given instanceof Model ? undefined : given.name),
  });
}

interface Given {
  readonly model: Model;
  readonly name: string | undefined;
  readonly runnable: string | undefined;
}

function partsOf(given: ModelFile): { readonly file: Blob | Uint8Array; readonly externalData?: ReadWebOptions['externalData'] } {
  return given instanceof Blob || given instanceof Uint8Array ? { file: given } : given;
}

/** What the page shows is in its address, so that a lesson can link to "LeNet5, stride 2": `#model=lenet5&stride=2`. */
import type { Settings } from './protocol';

export interface Linked extends Settings {
  readonly target: 'onnx' | 'tfjs';
  /** A model that comes with the page. */
  readonly model: 'lenet5' | undefined;
}

export const DEFAULTS: Linked = { head: 'window', stride: undefined, optimise: 2, side: undefined, target: 'onnx', model: undefined };

/** Whatever the address has that is no valid choice is left out. */
export function fromHash(hash: string): Linked {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const oneOf = <T extends string>(name: string, all: readonly T[], otherwise: T): T =>
    all.find((each) => each === given.get(name)) ?? otherwise;
  const count = (name: string): number | undefined => {
    const text = given.get(name) ?? '';
    return /^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined;
  };
  const level = given.get('O');
  return {
    head: oneOf('head', ['window', 'cell', 'image', 'original'], 'window'),
    stride: count('stride'),
    optimise: level === '0' ? 0 : level === '1' ? 1 : 2,
    side: count('size'),
    target: oneOf('to', ['onnx', 'tfjs'], 'onnx'),
    model: given.get('model') === 'lenet5' ? 'lenet5' : undefined,
  };
}

export function toHash({ head, stride, optimise, side, target, model }: Linked): string {
  const given = new URLSearchParams();
  const choices = {
    model,
    head: head === 'window' ? undefined : head,
    stride,
    O: optimise === 2 ? undefined : optimise,
    size: side,
    to: target === 'onnx' ? undefined : target,
  };
  for (const [key, value] of Object.entries(choices)) if (value !== undefined) given.set(key, String(value));
  return given.size === 0 ? '' : `#${given}`;
}

/** The command line that does the same. */
export function commandOf(file: string, { head, stride, optimise, side, target }: Settings & Pick<Linked, 'target'>): string {
  const quoted = /^[\w./-]+$/.test(file) && !file.startsWith('-') ? file : `'./${file.replaceAll("'", `'\\''`)}'`;
  return [
    'npx convolutionize convert',
    quoted,
    ...(head === 'window' ? [] : [`--head ${head}`]),
    ...(stride === undefined ? [] : [`--stride ${stride}`]),
    ...(optimise === 2 ? [] : [`-O${optimise}`]),
    ...(side === undefined ? [] : [`--input-size ${side}x${side}`]),
    ...(target === 'onnx' ? [] : ['--to tfjs -o web_model']),
  ].join(' ');
}

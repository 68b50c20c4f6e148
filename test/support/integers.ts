/** Constants of integer networks in ONNX text: their numbers are written out, since they have a meaning. */
import { hash, random } from './seeded';

const RANGES = { int8: [-128, 127], uint8: [0, 255], int32: [-900, 900] } as const;

/** `int8[4, 2, 3, 3] K = {12, -7, ...}`: over the whole range of the type, from the name. */
export function integers(dtype: keyof typeof RANGES, name: string, shape: readonly number[]): string {
  const next = random(hash(name));
  const [least, most] = RANGES[dtype];
  const count = shape.reduce((product, size) => product * size, 1);
  const numbers = Array.from({ length: count }, () => least + Math.floor(next() * (most - least + 1)));
  return `${dtype}[${shape.join(', ')}] ${name} = {${numbers.join(', ')}}`;
}

/** Scale and zero point of a value in integers: `float As = {0.05}, uint8 Az = {128}`. */
export const meaning = (name: string, scale: number | readonly number[], zero: number, dtype: 'int8' | 'uint8' = 'uint8'): string =>
  typeof scale === 'number'
    ? `float ${name}s = {${scale}}, ${dtype} ${name}z = {${zero}}`
    : `float[${scale.length}] ${name}s = {${scale.join(', ')}}, ${dtype}[${scale.length}] ${name}z = {${scale.map(() => zero).join(', ')}}`;

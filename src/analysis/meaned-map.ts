/** Finds the map that an output averages: head `image` returns one prediction per image, the mean over the predictions of its windows. */

import type { Value } from '../ir/types';
import { pixelStride } from '../operators/pixel-stride';
import { isGlobalMean } from '../operators/pools';

/**
 * The map of windows that an output averages: the one closest to the output, if several of equal size are averaged. undefined if there is none, or if
 * their sizes differ.
 */
export function meanedMap(output: Value): Value | undefined {
  const maps: Value[] = [];
  const seen = new Set<Value>([output]);
  for (const value of seen) {
    const { producer } = value;
    const [map] = producer?.inputs ?? [];
    if (!producer || !map) continue;
    const sizes = map.type?.shape?.slice(2) ?? [];
    if (isGlobalMean(producer) && sizes.length > 0 && sizes.every((dim) => typeof dim === 'string')) maps.push(map);
    else for (const input of producer.inputs) if (input && !input.constant) seen.add(input);
  }
  const [first] = maps;
  const alike = ({ type }: Value): boolean => type?.shape?.slice(2).join() === first?.type?.shape?.slice(2).join();
  return maps.every(alike) ? first : undefined;
}

/** Pixels between the windows that an output averages, or between its cells if it is a map. */
export const windowStride = (output: Value): readonly number[] => pixelStride(meanedMap(output) ?? output);

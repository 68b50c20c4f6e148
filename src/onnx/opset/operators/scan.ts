/** Scan: until opset 8 it also iterates over a batch axis, which no newer Scan does. */
import type { Adapter } from '../adapter';
import { pin, refuse } from '../adapter';

export const scanAdapters: readonly Adapter[] = [
  { op: 'Scan', since: 9, raise: () => pin('it scans over a batch'), lower: () => refuse('it has no batch') },
];

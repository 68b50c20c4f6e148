/**
 * WebAssembly memory may fail to grow, at its own limit of 4 GB or because the system has none left. malloc then returns 0, which TensorFlow.js
 * treats as a valid address: the tensor overwrites the beginning of the memory, and all later results are wrong, or fail with "memory access out of
 * bounds" somewhere else. Here it becomes an immediate error.
 */
export interface Allocator {
  _malloc: (bytes: number) => number;
}

/**
 * Makes every failed allocation throw an Error. On its first call, the module's function replaces itself with another one; this wrapper is restored
 * afterwards.
 */
export function refuseNull(memory: Allocator): void {
  const own = memory._malloc;
  const checked = (bytes: number): number => {
    const place = own(bytes);
    memory._malloc = checked;
    if (place === 0 && bytes > 0) throw new Error(`out of memory: WebAssembly has no ${(bytes / 1e6).toFixed(1)} MB more`);
    return place;
  };
  memory._malloc = checked;
}

/** True for the object that a WebAssembly backend stores as `wasm`. */
export const isAllocator = (module: unknown): module is Allocator =>
  typeof module === 'object' && module !== null && '_malloc' in module && typeof module._malloc === 'function';

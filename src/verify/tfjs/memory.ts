/**
 * WebAssembly's memory may fail to grow, at its own limit of 4 GB or because the system has none to give. malloc then answers 0, which TensorFlow.js takes for a
 * place like any other: the tensor is written over what lies at the beginning of the memory, and whatever is computed afterwards is wrong, or ends in
 * "memory access out of bounds" somewhere else. Here it is an error at once.
 */
export interface Allocator {
  _malloc: (bytes: number) => number;
}

/** Makes every allocation that fails an Error. The module puts another function in place of its own when that is first called; this one stays. */
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

/** Whether it is what a WebAssembly backend keeps as `wasm`. */
export const isAllocator = (module: unknown): module is Allocator =>
  typeof module === 'object' && module !== null && '_malloc' in module && typeof module._malloc === 'function';

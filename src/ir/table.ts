/**
 * A table indexed by names from a model. It inherits nothing, so an operator, a type or a value called `constructor` is not found in it.
 * test/tables.spec.ts requires that every table with string keys is made here.
 */
export function table<T>(entries: Readonly<Record<string, T>>): Record<string, T> {
  return Object.assign(Object.create(null), entries);
}

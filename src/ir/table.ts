/**
 * A table that is indexed by names from a model. It inherits nothing: an operator, a type or a value called `constructor` is not in it.
 * test/tables.spec.ts demands that every table with string keys is made here.
 */
export function table<T>(entries: Readonly<Record<string, T>>): Record<string, T> {
  return Object.assign(Object.create(null), entries);
}

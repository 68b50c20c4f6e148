/** Image sizes that a model accepts: src/ir/sizes/taken.ts, re-exported for code that only knows conversions. */
export * from '../ir/sizes/taken';

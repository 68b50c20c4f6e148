/** The sizes of image that a model takes: src/ir/sizes/taken.ts, for those who know conversions only. */
export * from '../ir/sizes/taken';

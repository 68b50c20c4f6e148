/** Axes as ONNX counts them: a negative one from the end. */
export const wrapAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

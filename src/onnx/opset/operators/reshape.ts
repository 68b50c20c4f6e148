/** Reshape: the shape is an input since opset 5. */
import { intsBecomeInput } from './attribute-to-input';

export const reshapeAdapters = [intsBecomeInput('Reshape', 5, 'shape', 1)];

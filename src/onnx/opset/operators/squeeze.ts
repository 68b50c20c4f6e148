/** Squeeze and Unsqueeze: since opset 13 their axes are an input. */
import { intsBecomeInput } from './attribute-to-input';

export const squeezeAdapters = [intsBecomeInput('Squeeze', 13, 'axes', 1), intsBecomeInput('Unsqueeze', 13, 'axes', 1)];

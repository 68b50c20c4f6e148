/**
 * Nodes that the newest operator set cannot express. They keep the form of the file, under a domain that names its version: `ai.onnx.v8` for
 * an operator of opset 8. Passes then see an unknown operator and leave it alone, whereas the plain name would imply the newest meaning.
 */
import type { Node } from './types';

const PREFIX = 'ai.onnx.v';

export const pinnedDomain = (since: number): string => `${PREFIX}${since}`;

/** The version in whose spelling a node is kept; undefined for any other node. */
export function pinnedSince(node: Node): number | undefined {
  return node.domain.startsWith(PREFIX) && /^\d+$/.test(node.domain.slice(PREFIX.length))
    ? Number(node.domain.slice(PREFIX.length))
    : undefined;
}

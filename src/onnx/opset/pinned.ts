/**
 * Nodes that the newest operator set has no words for. They stay as the file has them, under a domain that says so: `ai.onnx.v8` for what
 * opset 8 calls its own. Passes then see an operator they do not know, and leave it alone, where the plain name would promise the newest meaning.
 */
import type { Node } from '../../ir/types';

const PREFIX = 'ai.onnx.v';

export const pinnedDomain = (since: number): string => `${PREFIX}${since}`;

/** The version in whose spelling a node is kept, or undefined for any other node. */
export function pinnedSince(node: Node): number | undefined {
  return node.domain.startsWith(PREFIX) && /^\d+$/.test(node.domain.slice(PREFIX.length))
    ? Number(node.domain.slice(PREFIX.length))
    : undefined;
}

/** Reads a node in the spelling from before version `since` of its operator: an absent attribute has the default of that spelling. */
import { assertInvariant } from '../../diagnostics/compile-error';
import { operatorSchema } from '../../ir/operators';
import type { Attr, Node } from '../../ir/types';

export function intBefore(since: number, node: Node, name: string): number {
  const attr = attrBefore(since, node, name, 'int');
  return Number(attr.value);
}

export const floatBefore = (since: number, node: Node, name: string): number => attrBefore(since, node, name, 'float').value;

export function stringBefore(since: number, node: Node, name: string): string {
  const { value } = attrBefore(since, node, name, 'string');
  return typeof value === 'string' ? value : '';
}

/** The attribute, or its default. One of another kind, which a later check rejects, counts as absent. */
export function attrBefore<Kind extends Attr['kind']>(since: number, node: Node, name: string, kind: Kind): Extract<Attr, { kind: Kind }> {
  const isOfKind = (attr: Attr | undefined): attr is Extract<Attr, { kind: Kind }> => attr?.kind === kind;
  const given = node.attrs.get(name);
  if (isOfKind(given)) return given;
  const own = operatorSchema(node.opType, since - 1)?.attributes.get(name)?.default;
  assertInvariant(isOfKind(own), () => `${node.op} has no default for '${name}' before version ${since}`);
  return own;
}

/** Two views combined into one: before and after, each in its own group, side by side. */
import type { GraphView } from './view';

export const BEFORE = 'g:before';
export const AFTER = 'g:after';

/** `twins`: ids of boxes of `before`, and of the boxes that replaced them in `after`. */
export function beside(
  title: string,
  before: GraphView,
  after: GraphView,
  twins: readonly (readonly [string, string])[],
  facts: GraphView['facts'] = [],
): GraphView {
  const [ours, theirs] = [moved(before, BEFORE, 'a:'), moved(after, AFTER, 'b:')];
  const pairs = new Map<string, string>(
    twins.flatMap(([from, to]) => [[`a:${from}`, `b:${to}`] as const, [`b:${to}`, `a:${from}`] as const]),
  );
  return {
    title,
    facts,
    boxes: [...ours.boxes, ...theirs.boxes].map((box) => ({ ...box, twin: pairs.get(box.id) })),
    groups: [...ours.groups, ...theirs.groups],
    edges: [...ours.edges, ...theirs.edges],
  };
}

/** The view with its boxes and groups inside one group, under ids that no other view has. */
function moved({ title, boxes, groups, edges }: GraphView, home: string, prefix: string): GraphView {
  const parentOf = (parent: string | undefined): string => (parent === undefined ? home : prefix + parent);
  return {
    title,
    facts: [],
    boxes: boxes.map((box) => ({ ...box, id: prefix + box.id, parent: parentOf(box.parent) })),
    groups: [
      { id: home, parent: undefined, label: title },
      ...groups.map((group) => ({ ...group, id: prefix + group.id, parent: parentOf(group.parent) })),
    ],
    edges: edges.map((edge) => ({ ...edge, from: prefix + edge.from, to: prefix + edge.to })),
  };
}

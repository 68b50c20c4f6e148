/**
 * A graph as it is to be drawn: plain data, so that a page can carry it. Boxes lie in groups, groups in groups; edges join boxes.
 * Everything a picture says is decided in build.ts; layout, SVG, DOT and the page only arrange it.
 */

/** What became of a node in a conversion. */
export type Status = 'unchanged' | 'moved' | 'rewritten' | 'added' | 'removed';

/** What a colour means, for the legend of a comparison. */
export const STATUS_TEXT: Readonly<Record<Exclude<Status, 'unchanged'>, string>> = {
  rewritten: 'rewritten',
  added: 'added',
  removed: 'removed',
  moved: 'moved: other shapes or sources',
};

export interface Box {
  readonly id: string;
  /** The group it lies in; undefined: none. */
  readonly parent: string | undefined;
  /** `Conv`, or the name of an input or output. */
  readonly label: string;
  readonly kind: 'node' | 'input' | 'output';
  /** For colours: conv, linear, activation, pool, norm, view, arithmetic, other; of inputs and outputs: port. */
  readonly family: string;
  /** Short lines under the label: weights' shapes, the shape of the result. */
  readonly lines: readonly string[];
  /** What hovering and the panel tell: name, attributes, inputs ... */
  readonly details: readonly (readonly [string, string])[];
  /** Words that a search finds it by, in lower case. */
  readonly words: string;
  readonly parameters: number;
  readonly status?: Status | undefined;
  /** Of two models side by side: the box that it was or became. */
  readonly twin?: string | undefined;
}

export interface Group {
  readonly id: string;
  readonly parent: string | undefined;
  readonly label: string;
}

export interface Edge {
  readonly from: string;
  readonly to: string;
  /** Shape of the value. */
  readonly label: string;
}

export interface GraphView {
  readonly title: string;
  readonly facts: readonly (readonly [string, string])[];
  readonly boxes: readonly Box[];
  readonly groups: readonly Group[];
  readonly edges: readonly Edge[];
}

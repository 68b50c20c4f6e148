/**
 * A graph to be drawn, as plain data, so that a page can contain it. Boxes are in groups, groups in groups; edges connect boxes.
 * Everything that a picture says is decided in build.ts; layout, SVG, DOT and the page only arrange it.
 */

/** Effect of a conversion on a node. */
export type Status = 'unchanged' | 'moved' | 'rewritten' | 'added' | 'removed';

/** Meaning of each colour, for the legend of a comparison. */
export const STATUS_TEXT: Readonly<Record<Exclude<Status, 'unchanged'>, string>> = {
  rewritten: 'rewritten',
  added: 'added',
  removed: 'removed',
  moved: 'moved: other shapes or sources',
};

export interface Box {
  readonly id: string;
  /** The group that contains it; undefined: none. */
  readonly parent: string | undefined;
  /** `Conv`, or the name of an input or output. */
  readonly label: string;
  readonly kind: 'node' | 'input' | 'output';
  /** Determines the colour: conv, linear, activation, pool, norm, view, arithmetic, other; for inputs and outputs: port. */
  readonly family: string;
  /** Short lines below the label: shapes of weights, shape of the result. */
  readonly lines: readonly string[];
  /** Details shown on hover and in the panel: name, attributes, inputs ... */
  readonly details: readonly (readonly [string, string])[];
  /** Searchable text, in lower case. */
  readonly words: string;
  readonly parameters: number;
  readonly status?: Status | undefined;
  /** With two models side by side: the corresponding box of the other one. */
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

/** What the page asks of its worker, and what comes back. Everything here can be sent between threads. */
import type { OptimisationLevel } from '../../passes';
import type { Preset } from '../pictures/preprocessing';

/** The choices of a conversion, which the command line has as well. */
export interface Settings {
  readonly head: 'window' | 'cell' | 'image' | 'original';
  /** Pixels between neighbouring cells; undefined: the network's own. */
  readonly stride: number | undefined;
  readonly optimise: OptimisationLevel;
  /** Side of the image in pixels, if the file does not fix it. */
  readonly side: number | undefined;
}

export interface LayerRow {
  readonly notation: string;
  readonly shape: string;
  readonly parameters: number;
  /** Whether the conversion replaced it, or made it. */
  readonly changed: boolean;
}

export interface About {
  readonly name: string;
  readonly bytes: number;
  readonly layers: readonly LayerRow[];
  readonly nodes: number;
  readonly parameters: number;
  readonly summary: string;
  /** Warnings, as the command line prints them. */
  readonly warnings: readonly string[];
}

/** What a heat map needs to know of a converted model; undefined unless it takes pictures. */
export interface MapFacts {
  readonly channels: number;
  readonly window: readonly [height: number, width: number];
  readonly stride: readonly [rows: number, columns: number];
}

/** A pass that changed something. */
export interface StepFacts {
  readonly pass: string;
  readonly summary: string;
  /** What it does to the numbers. */
  readonly numbers: 'identical' | 'reordered' | 'rounding';
  readonly nodesBefore: number;
  readonly nodesAfter: number;
}

export interface Converted {
  readonly steps: readonly StepFacts[];
  readonly before: readonly LayerRow[];
  readonly after: readonly LayerRow[];
  readonly report: string;
  readonly bytes: number;
  readonly seconds: number;
  readonly map: MapFacts | undefined;
}

export interface Verified {
  readonly verdict: string;
  readonly text: string;
}

export interface HeatRequest {
  readonly width: number;
  readonly height: number;
  /** RGBA, row by row. */
  readonly pixels: Uint8ClampedArray;
  readonly preparation: Preset;
  /** Slide the original over the same windows instead of running the converted model. */
  readonly slide: boolean;
}

export interface HeatMap {
  readonly rows: number;
  readonly columns: number;
  readonly classes: number;
  /** [class, row, column], each cell as shares of 1. */
  readonly scores: Float32Array;
  readonly seconds: number;
  readonly runs: number;
}

/** The jobs of the worker: what each takes and gives. */
export interface Jobs {
  open: { readonly give: { readonly files: readonly File[] }; readonly get: About };
  convert: { readonly give: Settings; readonly get: Converted };
  verify: { readonly give: { readonly quick: boolean }; readonly get: Verified };
  download: { readonly give: { readonly what: 'onnx' | 'tfjs' | 'graph' }; readonly get: Blob };
  /** The graph after a step, as SVG. */
  step: { readonly give: { readonly at: number }; readonly get: Blob };
  heat: { readonly give: HeatRequest; readonly get: HeatMap };
}

export type JobName = keyof Jobs;

export interface Ask<J extends JobName = JobName> {
  readonly job: J;
  readonly give: Jobs[J]['give'];
}

export type Answer =
  | { readonly kind: 'progress'; readonly doing: string }
  | { readonly kind: 'done'; readonly get: unknown }
  /** `text`: as the command line prints it, with a hint. `isBug`: the program is at fault, not the model. */
  | { readonly kind: 'failed'; readonly text: string; readonly isBug: boolean };

/** What a conversion is asked for, and what it reports. */
import type { DenseMethod, Head, OptimisationLevel } from '../../passes';
import type { Contract } from '../analysis/contract';
import type { Model } from '../ir/model';
import type { Dim } from '../ir/types';
import type { Budget, PassReport, RunOptions } from '../rewrite/manager';
import type { Pass, Remark } from '../rewrite/pass';
import type { ImageWindow, SizeRequest } from './input-size';
import type { Density } from './metadata';
import type { TiedAxis } from './slide';

export interface CompileOptions {
  /** The size of image that the network was made for, where the file does not say. */
  readonly inputSize?: SizeRequest | undefined;
  /** One prediction per window of the original size (default), per cell of the last map, or per image; `original`: the output stays as it is. */
  readonly head?: Head | undefined;
  /** Pixels between neighbouring cells of the map, for all spatial axes or for each: divisors of what they are, for a finer map. Heads `window` and `cell`. */
  readonly stride?: number | readonly number[] | undefined;
  /** Along which spatial axes windows slide, by name or by place among the axes of the input. Default: along every one that the network can slide along. */
  readonly slide?: readonly string[] | undefined;
  /** Called where a conversion begins anew, along fewer axes: what the other hooks were told until then was in vain. */
  readonly onRestart?: (() => void) | undefined;
  /** How a finer map is made: by dilating what follows (default), or by shifted copies for runtimes without dilated pools. The maps are the same. */
  readonly dense?: DenseMethod | undefined;
  /** Folds what can be folded: 0 only what the conversion needs, 1 without rounding anything anew, 2 (default) all. */
  readonly optimise?: OptimisationLevel | undefined;
  /** Keeps these outputs and removes what only the others need. Values within the network may be named: the scores that labels are made of. */
  readonly outputs?: readonly string[] | undefined;
  /** Only these passes of the pipeline, by name. The last one, free-spatial-dims, always runs. */
  readonly passes?: readonly string[] | undefined;
  /** Passes of the caller's own. Each runs once, after the one that it names, or last before the height and width become symbols. */
  readonly plugins?: readonly PluginPass[] | undefined;
  /** All but these. */
  readonly skip?: readonly string[] | undefined;
  readonly validate?: RunOptions['validate'] | undefined;
  readonly onPass?: RunOptions['onPass'] | undefined;
  readonly onAttempt?: RunOptions['onAttempt'] | undefined;
  readonly budget?: Budget | undefined;
}

/** A pass from outside, and its place. */
export type PluginPass = Pass & {
  /** The pass of the pipeline that it runs after, or after the group which that one is repeated in. */
  readonly after?: string | undefined;
};

export interface OutputReport {
  readonly name: string;
  /** Shape at the original input size, e.g. [N, 1000]. */
  readonly original: readonly Dim[] | undefined;
  /** Shape now, in terms of the lengths of the input. */
  readonly converted: readonly Dim[] | undefined;
}

export interface CompileReport {
  /** The size of image that one prediction looks at, per image input. */
  readonly windows: readonly ImageWindow[];
  readonly outputs: readonly OutputReport[];
  readonly head: Head;
  /** Per output that was made finer (`stride`): how many cells there are for each one, along each spatial axis. */
  readonly density: Density;
  /** What holds between the two models, read off the graph. */
  readonly contract: Contract;
  /** Spatial axes along which windows do not slide, and why. */
  readonly tied: readonly TiedAxis[];
  /** One entry per pass, rounds of a repeated group added up. */
  readonly passes: readonly PassReport[];
  readonly remarks: readonly Remark[];
}

export interface Compiled {
  readonly model: Model;
  /**
   * The original with its input at the window's size, constants folded and all shapes inferred: what the report's "before" is about.
   * Head `original`: made when it is first asked for, of the given model as it is then.
   */
  readonly original: Model;
  readonly report: CompileReport;
}

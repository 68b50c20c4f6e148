/** Options and report of a conversion. */
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
  /** Image size that the network was made for, if the file does not contain it. */
  readonly inputSize?: SizeRequest | undefined;
  /** One prediction per window of the original size (default), per cell of the last map, or per image; `original`: the output stays as it is. */
  readonly head?: Head | undefined;
  /**
   * Output stride in pixels, for all spatial axes or one per axis, for a finer map: must divide the network's own stride. Only for the heads
   * `window` and `cell`.
   */
  readonly stride?: number | readonly number[] | undefined;
  /** Spatial axes along which windows slide, by name or by index among the axes of the input. Default: every axis along which the network can slide. */
  readonly slide?: readonly string[] | undefined;
  /** Called when a conversion restarts along fewer axes: everything that the other hooks received so far is obsolete. */
  readonly onRestart?: (() => void) | undefined;
  /** Method for a finer map: dilate the layers behind (default), or use shifted copies, for runtimes without dilated pools. Both give the same map. */
  readonly dense?: DenseMethod | undefined;
  /** Level of folding. 0: only what the conversion needs; 1: nothing that adds a rounding; 2 (default): everything. */
  readonly optimise?: OptimisationLevel | undefined;
  /** Keeps these outputs and removes whatever only the others need. Inner values may be named, for instance the scores from which labels are computed. */
  readonly outputs?: readonly string[] | undefined;
  /** Runs only these passes of the pipeline, by name. The last one, free-spatial-dims, always runs. */
  readonly passes?: readonly string[] | undefined;
  /** The caller's own passes. Each runs once, after the pass that it names, or by default last before height and width become symbols. */
  readonly plugins?: readonly PluginPass[] | undefined;
  /** Skips these passes, by name. */
  readonly skip?: readonly string[] | undefined;
  readonly validate?: RunOptions['validate'] | undefined;
  readonly onPass?: RunOptions['onPass'] | undefined;
  readonly onAttempt?: RunOptions['onAttempt'] | undefined;
  readonly budget?: Budget | undefined;
}

/** An external pass and its position. */
export type PluginPass = Pass & {
  /** Name of the pass after which it runs; if that pass is in a repeated group, it runs after the group. */
  readonly after?: string | undefined;
};

export interface OutputReport {
  readonly name: string;
  /** Shape at the original input size, e.g. [N, 1000]. */
  readonly original: readonly Dim[] | undefined;
  /** Shape after conversion, in terms of the lengths of the input. */
  readonly converted: readonly Dim[] | undefined;
}

export interface CompileReport {
  /** Image size that one prediction covers, per image input. */
  readonly windows: readonly ImageWindow[];
  readonly outputs: readonly OutputReport[];
  readonly head: Head;
  /** Per output that was made finer (`stride`): number of cells for each original cell, along each spatial axis. */
  readonly density: Density;
  /** How the outputs of the two models are related, derived from the graph. */
  readonly contract: Contract;
  /** Spatial axes along which windows do not slide, with reasons. */
  readonly tied: readonly TiedAxis[];
  /** One entry per pass; the rounds of a repeated group are added up. */
  readonly passes: readonly PassReport[];
  readonly remarks: readonly Remark[];
}

export interface Compiled {
  readonly model: Model;
  /**
   * The original with its input at the window's size, constants folded and all shapes inferred; the basis of "before" in the report.
   * With head `original`: computed on first access, from the given model as it is then.
   */
  readonly original: Model;
  readonly report: CompileReport;
}

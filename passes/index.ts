/**
 * The registry: which passes exist and in which order they run. A list within a list is repeated until none of its passes changes anything.
 */
import type { Graph } from '../src/ir/graph';
import type { Pass, Role } from '../src/rewrite/pass';
import { adaptivePool } from './adaptive-pool';
import { averageFirst } from './average-first';
import { averageLast } from './average-last';
import { cancelTransposes } from './cancel-transposes';
import { closeIntegers, integerOrigins } from './close-integers';
import { dropPhases } from './drop-phases';
import { einsumToMatmul } from './einsum-to-matmul';
import { denseShift } from './finer-maps/dense-shift';
import { denseStride } from './finer-maps/dense-stride';
import { fitImages } from './fit-images';
import { fixWindows } from './fix-windows';
import { flattenToChannels } from './flatten-to-channels';
import { foldBatchNorm } from './fold-batch-norm';
import { foldConstants } from './fold-constants';
import { foldNetworkInNetwork } from './fold-network-in-network';
import { foldShapes } from './fold-shapes';
import { freeSpatialDims } from './free-spatial-dims';
import { fusePad } from './fuse-pad';
import { gatePoolToGlobal } from './gate-pool-to-global';
import { globalPoolToWindow } from './global-pool-to-window';
import { headPerWindow } from './head-per-window';
import { inlineFunctions } from './inline-functions';
import { keepAxes } from './keep-axes';
import { linearToConv } from './linear-to-conv';
import { mergeEqualNodes } from './merge-equal-nodes';
import { mergeParallelConvs } from './merge-parallel-convs';
import { mergeViews } from './merge-views';
import { nchwToNhwc } from './nchw-to-nhwc';
import { normaliseFlatten } from './normalise-flatten';
import { normaliseGlobalPool } from './normalise-global-pool';
import { normaliseLinear } from './normalise-linear';
import { openFused } from './open-fused';
import { openIntegers } from './open-integers';
import { outputAverage } from './output-average';
import { outputCells } from './output-cells';
import { outputMap } from './output-map';
import { pointwiseMatmulToConv } from './pointwise-matmul-to-conv';
import { rangesToSlices } from './ranges-to-slices';
import { removeDeadNodes } from './remove-dead-nodes';
import { removeIdentities } from './remove-identities';
import { removeIdleMoves } from './remove-idle-moves';
import { removeIdlePools } from './remove-idle-pools';
import { shareEqualConstants } from './share-equal-constants';
import { sinkFlatten } from './sink-flatten';
import { sinkRows } from './sink-rows';
import { sinkTokens } from './sink-tokens';
import { spaceToDepth } from './space-to-depth';
import { turnBack, turnBackCells } from './turn-back';
import { uniformParameters } from './uniform-parameters';
import { unstack } from './unstack';
import { windowSizes } from './window-sizes';

export { nchwToNhwc };

export type Pipeline = readonly (Pass | readonly Pass[])[];

/** What a converted classifier gives: one prediction per window of the original size, per cell of the last map, or per image. */
export type MapHead = 'window' | 'cell' | 'image';
/** Or what the original gave: only folded. */
export type Head = MapHead | 'original';
export const heads: readonly MapHead[] = ['window', 'cell', 'image'];

/** Before the heads part: one spelling for everything that they look for. */
const normalForm: Pipeline = [
  foldConstants, // first: rules look for constants, exporters hide weights behind Identity and Transpose
  openIntegers, // a layer in integers is a layer
  openFused, // and so is one that a runtime fused with its activation
  inlineFunctions, // an operator that others define is those others
  removeIdentities, // nothing stands between two layers that follow each other
  rangesToSlices, // rows and columns that are taken by their numbers
  unstack, // columns that are averaged
  uniformParameters, // what is the same at every place of the window is so at every other
  einsumToMatmul, // one spelling for sums of products
  removeIdlePools, // adaptive pools that do nothing at this size would average at another
  spaceToDepth, // a stem whose views have numbers of pixels in them
  keepAxes, // maps that lost an axis that does not slide
  sinkRows, // places written as rows of a batch
  sinkTokens, // maps written as lists of places become maps again
  adaptivePool, // averages over windows from a table are pools
  normaliseFlatten, // one spelling for the step from map to vector
  normaliseLinear, // one spelling for a fully connected layer
  adaptivePool, // the layer behind windows from a table reads the whole map
  [
    pointwiseMatmulToConv, // linear layers at every place of a channels-last map ...
    cancelTransposes, // ... whose Transposes then meet
  ],
  gatePoolToGlobal, // the kernel of a pool over the whole map has numbers of pixels in it
];

/** From vectors to a map. */
const classifierToMap: Pipeline = [
  windowSizes, // while pools still read the map whose size they divide by
  globalPoolToWindow, // pooled heads give one prediction per window as well
  flattenToChannels, // what tells the numbers of a window apart then works along channels
  [
    linearToConv, // each Gemm behind a Flatten becomes Conv before Flatten ...
    sinkFlatten, // ... and the Flatten moves on to the next Gemm
  ],
  headPerWindow, // what is left is no layer that has a form of its own over a map
];

/** Last: from here on the height and width are symbols. */
const free: Pipeline = [
  removeDeadNodes, // what the rewrites left behind would be inferred and reported
  freeSpatialDims,
  removeDeadNodes, // shape arithmetic that nobody asks any more
  fitImages, // asks where all lengths meet
];

/** From a classifier to a fully convolutional network. Runs while the input has the size that the network was made for. */
const conversions: Readonly<Record<MapHead, Pipeline>> = {
  window: [
    ...classifierToMap,
    dropPhases, // while the map has one cell
    outputMap,
    turnBack,
  ],
  cell: [
    windowSizes, // a sum divided by the number of its places is an average
    normaliseGlobalPool, // one spelling for the average that is to move
    [
      linearToConv, // the classifier as 1x1 convolutions ...
      sinkFlatten,
      averageLast, // ... that run before the average
    ],
    outputCells, // drops the average
    turnBackCells, // branches that look at the mirrored image
  ],
  image: [
    ...classifierToMap,
    dropPhases, // the mean is of what the original would have said
    outputAverage, // over the predictions of all windows ...
    [averageFirst], // ... or in front of what is affine in the classifier: the same numbers for less work
    turnBack, // where predictions of a mirrored image meet before they are averaged
  ],
};

/** Levels of `-O`: 0 only what the conversion needs; 1 what changes no number by more than the order of its sums; 2 weights folded into each other. */
export type OptimisationLevel = 0 | 1 | 2;

/** Smaller and faster at the same numbers: runs in front of `free`, while all sizes are known and costs can be compared. */
export const optimisations: Readonly<Record<OptimisationLevel, Pipeline>> = {
  0: [],
  1: [
    fusePad, // a Pad of its own costs a copy of the map
    averageFirst, // the affine layer then runs on fewer cells
    shareEqualConstants,
    mergeEqualNodes, // equal constants make equal nodes
  ],
  2: [
    fusePad, // before norms are folded: a norm in front of an unpadded layer can be, in front of a padded one it cannot
    [
      foldBatchNorm, // leaves linear layers beside each other
      mergeParallelConvs, // branches that are summed
      foldNetworkInNetwork, // neighbours that are composed
      averageFirst,
    ],
    shareEqualConstants,
    mergeEqualNodes, // equal constants make equal nodes
  ],
};

/** The passes of a conversion in order. `last`: passes from outside that name no place, in front of what tidies up. */
export const pipelineFor = (head: Head, level: OptimisationLevel, last: Pipeline = []): Pipeline =>
  head === 'original'
    ? [
        // What a runtime put together stays together where nothing is converted.
        ...normalForm.filter(
          (step) => step !== sinkTokens && step !== sinkRows && step !== keepAxes && step !== openIntegers && step !== openFused,
        ),
        ...optimisations[level],
        [mergeViews, cancelTransposes],
        ...last,
        removeDeadNodes,
      ]
    : [...normalForm, ...conversions[head], ...optimisations[level], ...last, ...free];

/** In front of all others: shapes that are computed from constants become numbers. */
export const evaluation: readonly Pass[] = [foldConstants];
/** The same where sizes stay what they are, so that all arithmetic on them can go. (A conversion follows it instead: it says how sizes grow.) */
export const evaluationOfSizes: readonly Pass[] = [foldShapes, foldConstants];
/** Behind a change of outputs. */
export const tidying: readonly Pass[] = [removeDeadNodes];

/** `atrous`: a stride is left away, what follows is dilated; `shift`: a stride is left away, what follows runs on each phase of the map. */
export type DenseMethod = 'atrous' | 'shift';
const DENSE: Readonly<Record<DenseMethod, (strides: readonly number[]) => Pass>> = { atrous: denseStride, shift: denseShift };
/** Behind all others, on demand (`--stride`): the map becomes finer, which asks other things of its lengths. */
export const refinement = (method: DenseMethod, strides: readonly number[]): readonly Pass[] => [
  DENSE[method](strides),
  removeDeadNodes,
  fitImages,
];

/** Behind those: a network of integers computes in integers again. Nothing for others. */
export function closing(original: Graph): readonly Pass[] {
  const origins = integerOrigins(original);
  return origins.size === 0 ? [] : [closeIntegers(origins), removeDeadNodes];
}

/** Behind those, on demand (`--fix-size`): all sizes are numbers, and what was only there for others goes. */
export const fixing = (level: OptimisationLevel): Pipeline => [
  fixWindows, // before pads are merged
  [removeIdentities, removeIdleMoves, foldShapes, foldConstants],
  ...optimisations[level],
  [mergeViews, cancelTransposes],
  removeDeadNodes,
];

/** Maps where an exporter wrote lists of places, layers where a runtime fused them, and nothing else: for cutting a network between trunk and head. */
export const mapsOnly: readonly Pass[] = [openFused, sinkRows, sinkTokens, removeDeadNodes];
/** Height and width of a part of a network as symbols: a pool over the whole map means the whole map at any size, however it is spelled. */
export const freeing: readonly Pass[] = [
  openFused,
  spaceToDepth,
  uniformParameters,
  normaliseGlobalPool,
  gatePoolToGlobal,
  freeSpatialDims,
  removeDeadNodes,
];

/** The default: one prediction per window, folded. */
export const convertPipeline = pipelineFor('window', 2);

/** Every pass by name. */
export const allPasses: readonly Pass[] = [
  ...new Set([...heads, 'original' as const].flatMap((head) => pipelineFor(head, 2).flat())),
  denseStride(1), // on demand (--stride), after all others ...
  denseShift(1), // ... or this one (--dense shift)
  closeIntegers(new Set()), // whatever was opened
  fixWindows, // at one size (--fix-size) ...
  removeIdleMoves, // ... after fix-windows
  nchwToNhwc, // for TensorFlow.js (--to tfjs), last
];

/** Names of the passes that play one of these parts in a conversion. */
export const passesWith = (...roles: readonly Role[]): ReadonlySet<string> =>
  new Set(allPasses.filter(({ role }) => role && roles.includes(role)).map(({ name }) => name));

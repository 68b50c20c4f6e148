/**
 * The registry: all passes and the order in which they run. A list within a list is repeated until none of its passes changes anything.
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

/** Output of a converted classifier: one prediction per window of the original size, one per cell of the last map, or one per image. */
export type MapHead = 'window' | 'cell' | 'image';
/** `original` keeps the outputs of the original; the network is only folded. */
export type Head = MapHead | 'original';
export const heads: readonly MapHead[] = ['window', 'cell', 'image'];

/** Normal form: runs before the conversion, so that each construct that the conversion looks for is written in one way only. */
const normalForm: Pipeline = [
  foldConstants, // first: rules look for constants, and exporters hide weights behind Identity and Transpose
  openIntegers, // integer layers become ordinary layers
  openFused, // and so do layers that a runtime fused with their activation
  inlineFunctions, // replaces calls of model-local functions by their bodies
  removeIdentities, // so that nothing separates two consecutive layers
  rangesToSlices, // rows and columns that are selected by index
  unstack, // columns that are averaged
  uniformParameters, // parameters that are the same at every position of the window hold at all other positions too
  einsumToMatmul, // one form for sums of products
  removeIdlePools, // adaptive pools that do nothing at this size would average at another
  spaceToDepth, // a stem whose views contain pixel counts
  keepAxes, // maps that lost an axis that does not slide
  sinkRows, // positions written as rows of a batch
  sinkTokens, // maps written as lists of positions become maps again
  adaptivePool, // averages over windows from a table become pools
  normaliseFlatten, // one form for the step from map to vector
  normaliseLinear, // one form for a fully connected layer
  adaptivePool, // again: the layer behind windows from a table now reads the whole map
  [
    pointwiseMatmulToConv, // linear layers at every position of a channels-last map ...
    cancelTransposes, // ... whose Transposes then cancel
  ],
  gatePoolToGlobal, // the kernel size of a pool over the whole map is a pixel count
];

/** From vectors to a map. */
const classifierToMap: Pipeline = [
  windowSizes, // while pools still read the map by whose size they divide
  globalPoolToWindow, // pooled heads also give one prediction per window
  flattenToChannels, // operators that treat the positions of a window differently then work along channels
  [
    linearToConv, // each Gemm behind a Flatten becomes Conv before Flatten ...
    sinkFlatten, // ... and the Flatten moves on to the next Gemm
  ],
  headPerWindow, // for whatever has no form of its own over a map
];

/** Last: from here on height and width are symbols. */
const free: Pipeline = [
  removeDeadNodes, // otherwise leftovers of the rewrites would be inferred and reported
  freeSpatialDims,
  removeDeadNodes, // shape arithmetic that is no longer used
  fitImages, // needs to know where all lengths match
];

/** From a classifier to a fully convolutional network. Runs while the input still has the size that the network was made for. */
const conversions: Readonly<Record<MapHead, Pipeline>> = {
  window: [
    ...classifierToMap,
    dropPhases, // while the map has one cell
    outputMap,
    turnBack,
  ],
  cell: [
    windowSizes, // a sum divided by the number of its positions is an average
    normaliseGlobalPool, // one form for the average that is to be moved
    [
      linearToConv, // the classifier as 1x1 convolutions ...
      sinkFlatten,
      averageLast, // ... that run before the average
    ],
    turnBackCells, // branches that see the mirrored image, in front of the average
    outputCells, // drops the average
  ],
  image: [
    ...classifierToMap,
    dropPhases, // the mean is over predictions of the original
    outputAverage, // over the predictions of all windows ...
    [averageFirst], // ... or before the affine part of the classifier: same result, less work
    turnBack, // where predictions of a mirrored image meet before they are averaged
  ],
};

/** Levels of `-O`. 0: only what the conversion needs; 1: changes values at most by reordering sums; 2: also folds weights into each other. */
export type OptimisationLevel = 0 | 1 | 2;

/** Makes the network smaller and faster at the same results. Runs before `free`, while all sizes are known and costs can be compared. */
export const optimisations: Readonly<Record<OptimisationLevel, Pipeline>> = {
  0: [],
  1: [
    fusePad, // a separate Pad copies the map
    averageFirst, // the affine layer then runs on fewer cells
    shareEqualConstants,
    mergeEqualNodes, // equal constants make equal nodes
  ],
  2: [
    fusePad, // before norms are folded: a norm before an unpadded layer can be folded, one before a padded layer cannot
    [
      foldBatchNorm, // leaves parallel linear layers
      mergeParallelConvs, // parallel branches that are summed
      foldNetworkInNetwork, // consecutive layers that are composed
      averageFirst,
    ],
    shareEqualConstants,
    mergeEqualNodes, // equal constants make equal nodes
  ],
};

/** The passes of a conversion in order. `last`: external passes that request no position; they run just before the clean-up. */
export const pipelineFor = (head: Head, level: OptimisationLevel, last: Pipeline = []): Pipeline =>
  head === 'original'
    ? [
        // Without a conversion, whatever a runtime fused stays fused.
        ...normalForm.filter(
          (step) => step !== sinkTokens && step !== sinkRows && step !== keepAxes && step !== openIntegers && step !== openFused,
        ),
        ...optimisations[level],
        [mergeViews, cancelTransposes],
        ...last,
        removeDeadNodes,
      ]
    : [...normalForm, ...conversions[head], ...optimisations[level], ...last, ...free];

/** Runs before all others: evaluates shapes that are computed from constants. */
export const evaluation: readonly Pass[] = [foldConstants];
/** The same when sizes are fixed, so that all arithmetic on them can go. (A conversion keeps this arithmetic: it defines how sizes grow.) */
export const evaluationOfSizes: readonly Pass[] = [foldShapes, foldConstants];
/** Runs after a change of outputs. */
export const tidying: readonly Pass[] = [removeDeadNodes];

/** Both methods remove a stride. `atrous` dilates the layers behind it; `shift` runs them on each phase of the map. */
export type DenseMethod = 'atrous' | 'shift';
const DENSE: Readonly<Record<DenseMethod, (strides: readonly number[]) => Pass>> = { atrous: denseStride, shift: denseShift };
/** Runs after all others, on demand (`--stride`): makes the map finer, which changes the constraints on its lengths. */
export const refinement = (method: DenseMethod, strides: readonly number[]): readonly Pass[] => [
  DENSE[method](strides),
  removeDeadNodes,
  fitImages,
];

/** Runs after `refinement`: an integer network computes in integers again. Empty for other networks. */
export function closing(original: Graph): readonly Pass[] {
  const origins = integerOrigins(original);
  return origins.size === 0 ? [] : [closeIntegers(origins), removeDeadNodes];
}

/** Runs after `closing`, on demand (`--fix-size`): all sizes are numbers, and whatever only served other sizes is removed. */
export const fixing = (level: OptimisationLevel): Pipeline => [
  fixWindows, // before pads are merged
  [removeIdentities, removeIdleMoves, foldShapes, foldConstants],
  ...optimisations[level],
  [mergeViews, cancelTransposes],
  removeDeadNodes,
];

/** Restores maps that were exported as lists of positions, selections by index and layers that a runtime fused; for cutting a network between trunk and head. */
export const mapsOnly: readonly Pass[] = [openFused, rangesToSlices, sinkRows, sinkTokens, removeDeadNodes];
/** Makes height and width of a part of a network symbols. A pool over the whole map pools the whole map at any size, however it is written. */
export const freeing: readonly Pass[] = [
  openFused,
  rangesToSlices,
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
  closeIntegers(new Set()), // for whatever was opened
  fixWindows, // at one size (--fix-size) ...
  removeIdleMoves, // ... after fix-windows
  nchwToNhwc, // for TensorFlow.js (--to tfjs), last
];

/** Names of the passes that have one of these roles in a conversion. */
export const passesWith = (...roles: readonly Role[]): ReadonlySet<string> =>
  new Set(allPasses.filter(({ role }) => role && roles.includes(role)).map(({ name }) => name));

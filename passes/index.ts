/**
 * The registry: which passes exist and in which order they run. A list within a list is repeated until none of its passes changes anything.
 */
import type { Pass } from '../src/pass/pass';
import { foldConstants } from './fold-constants';
import { freeSpatialDims } from './free-spatial-dims';
import { globalPoolToWindow } from './global-pool-to-window';
import { linearToConv } from './linear-to-conv';
import { normaliseFlatten } from './normalise-flatten';
import { normaliseLinear } from './normalise-linear';
import { removeDeadNodes } from './remove-dead-nodes';
import { removeIdentities } from './remove-identities';
import { removeIdlePools } from './remove-idle-pools';
import { sinkFlatten } from './sink-flatten';

export type Pipeline = readonly (Pass | readonly Pass[])[];

/** From a classifier to a fully convolutional network. Runs while the input has the size that the network was made for. */
export const convertPipeline: Pipeline = [
  foldConstants, // first: rules look for constants, exporters hide weights behind Identity and Transpose
  removeIdentities, // nothing stands between two layers that follow each other
  removeIdlePools, // adaptive pools that do nothing at this size would average at another
  normaliseFlatten, // one spelling for the step from map to vector
  normaliseLinear, // one spelling for a fully connected layer
  globalPoolToWindow, // pooled heads give one prediction per window as well
  [
    linearToConv, // each Gemm behind a Flatten becomes Conv before Flatten ...
    sinkFlatten, // ... and the Flatten moves on to the next Gemm
  ],
  removeDeadNodes, // what the rewrites left behind would be inferred and reported
  freeSpatialDims, // from here on the height and width are symbols
  removeDeadNodes, // the last Flatten, and shape arithmetic that nobody asks any more
];

/** Every pass by name. */
export const allPasses: readonly Pass[] = [...new Set(convertPipeline.flat())];

/** Adapters of all steps that the schemas alone do not explain. */
import type { Adapter } from '../adapter';
import { batchNormalizationAdapters } from './batch-normalization';
import { broadcastAdapters } from './broadcast';
import { castAdapters } from './cast';
import { clipAdapters } from './clip';
import { concatAdapters } from './concat';
import { dropoutAdapters } from './dropout';
import { gemmAdapters } from './gemm';
import { groupNormalizationAdapters } from './group-normalization';
import { padAdapters } from './pad';
import { poolingAdapters } from './pooling';
import { quantizeAdapters } from './quantize';
import { recurrentAdapters } from './recurrent';
import { reduceAdapters } from './reduce';
import { renamedWordAdapters } from './renamed-words';
import { reshapeAdapters } from './reshape';
import { resizeAdapters } from './resize';
import { scanAdapters } from './scan';
import { scatterAdapters } from './scatter';
import { sliceAdapters } from './slice';
import { softmaxAdapters } from './softmax';
import { splitAdapters } from './split';
import { squeezeAdapters } from './squeeze';
import { tileAdapters } from './tile';
import { topKAdapters } from './top-k';

export const adapters: readonly Adapter[] = [
  ...batchNormalizationAdapters,
  ...broadcastAdapters,
  ...castAdapters,
  ...clipAdapters,
  ...concatAdapters,
  ...dropoutAdapters,
  ...gemmAdapters,
  ...groupNormalizationAdapters,
  ...padAdapters,
  ...poolingAdapters,
  ...quantizeAdapters,
  ...recurrentAdapters,
  ...reduceAdapters,
  ...renamedWordAdapters,
  ...reshapeAdapters,
  ...resizeAdapters,
  ...scanAdapters,
  ...scatterAdapters,
  ...sliceAdapters,
  ...softmaxAdapters,
  ...splitAdapters,
  ...squeezeAdapters,
  ...tileAdapters,
  ...topKAdapters,
];

/** Contents of `model.metadata` in a TensorFlow.js model written by this compiler. */
import type { TfjsAbout } from '../../tfjs/about';
import type { RecipeJson } from '../recipe';

/**
 * `userDefinedMetadata` of model.json, which `tf.loadGraphModel` exposes as `model.metadata`:
 *
 *   const model = await tf.loadGraphModel('web_model/model.json');
 *   const { convolutionize } = model.metadata as TfjsMetadata;
 *   const labels = convolutionize.labels ?? [];
 */
export interface TfjsMetadata {
  readonly convolutionize: Omit<TfjsAbout, 'preprocessing'> & {
    /** Preprocessing of the images, as written by `convert --preset` and related options; absent if unknown. docs/pictures.md documents the fields. */
    readonly preprocessing?: RecipeJson | undefined;
  };
}

/** What a page finds in `model.metadata` of a TensorFlow.js model that this compiler wrote. */
import type { TfjsAbout } from '../../tfjs/about';
import type { RecipeJson } from '../recipe';

/**
 * `userDefinedMetadata` of model.json, which `tf.loadGraphModel` gives as `model.metadata`:
 *
 *   const model = await tf.loadGraphModel('web_model/model.json');
 *   const { convolutionize } = model.metadata as TfjsMetadata;
 *   const labels = convolutionize.labels ?? [];
 */
export interface TfjsMetadata {
  readonly convolutionize: Omit<TfjsAbout, 'preprocessing'> & {
    /** How images are to be prepared, as `convert --preset` and its like wrote it; absent: nobody said. docs/pictures.md documents the fields. */
    readonly preprocessing?: RecipeJson | undefined;
  };
}

/** Input image of a network: a picture in memory, or any other source. */
import { takesNoPicture } from '../../diagnostics/catalogue';
import type { Source } from '../../sources/source';
import { type Picture, pictureSource } from '../picture';
import type { Shown } from '../views';
import type { PictureModel } from './picture-model';

export interface Image extends Source, Shown {
  /** The picture behind it, if there is one. */
  readonly picture?: Picture | undefined;
  /** How the values were read from the file, in words: `44100 Hz resampled to 16000`. */
  readonly reading?: readonly string[] | undefined;
}

export const imageOfPicture = (picture: Picture): Image => ({ ...pictureSource(picture), isPicture: true, picture });

/** Whether the model takes pictures as viewers show them: grey, or red, green and blue. */
export const takesPictures = ({ letters, image }: PictureModel): boolean =>
  letters.join('') === 'HW' && (image.channels === 1 || image.channels === 3);

/** Throws CompileError TAKES_NO_PICTURE if the model's axes or channels are not those of an ordinary picture. */
export function requirePictures(model: PictureModel): void {
  const { letters, image, input, path } = model;
  if (letters.join('') !== 'HW') throw takesNoPicture(path, `input '${input}' is [${[...image.layout].join(', ')}], not height and width`);
  if (!takesPictures(model)) throw takesNoPicture(path, `input '${input}' has ${image.channels} channels`);
}

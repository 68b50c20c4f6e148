/** Reads pictures as inputs: resized and in the layout of the model; 0 to 1 for floats, 0 to 255 for integers. */
import { type ImageWindow, pictureSize, windowLengths } from '../../../compile/input-size';
import { inputFileBroken, inputShape } from '../../../diagnostics/catalogue';
import type { CompileError } from '../../../diagnostics/compile-error';
import { openPicture } from '../../../pictures/files/pictures';
import type { Numbers } from '../../onnx-runner';

export interface ImagePort {
  readonly name: string;
  readonly dtype: string;
  readonly window: ImageWindow;
}

/**
 * The centre of the picture at the size of the input, [1, C, H, W] or [1, H, W, C]. Throws CompileError INPUT_FILE_BROKEN, NOT_A_PICTURE,
 * PICTURE_TOO_LARGE, INPUT_SHAPE.
 */
export async function readImage(file: string, port: ImagePort): Promise<Numbers> {
  const size = pictureSize(port.window);
  const { layout, channels = 3 } = port.window;
  // A picture has two spatial axes, and channels.
  if (!size || (layout !== 'NCHW' && layout !== 'NHWC')) throw inputShape(file, port.name, windowLengths(port.window), 'a picture');
  const { height, width } = size;
  if (channels !== 1 && channels !== 3) throw inputShape(file, port.name, [1, 3, height, width], `${channels} channels`);
  const damaged = (error: unknown): CompileError => inputFileBroken(file, error instanceof Error ? error.message : String(error));
  const { open } = await openPicture(file, {}, damaged);
  const picture = open().rotate().flatten({ background: '#fff' }).resize(width, height, { fit: 'cover' });
  const { data } = await (channels === 1 ? picture.greyscale() : picture.toColourspace('srgb'))
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => {
      throw damaged(error);
    });
  const scale = /int/.test(port.dtype) ? 1 : 1 / 255;
  const step = data.length / (height * width);
  const pixel = (channel: number, place: number): number => scale * (data[place * step + Math.min(channel, step - 1)] ?? 0);
  const places = height * width;
  const numbers = new Float32Array(channels * places);
  for (let at = 0; at < numbers.length; at++)
    numbers[at] = layout === 'NCHW' ? pixel(Math.floor(at / places), at % places) : pixel(at % channels, Math.floor(at / channels));
  return { dtype: port.dtype, shape: layout === 'NCHW' ? [1, channels, height, width] : [1, height, width, channels], data: numbers };
}

/** Any rectangle of a picture at another size. How the numbers are made: src/sources/resample.ts. */
import { type Filter, scaledSource } from '../sources/resample';
import { type Picture, pictureOf, pictureSource, type Region, type Size } from './picture';

export { FILTERS, type Filter } from '../sources/resample';

/** `region` of the picture as it would be at `size`. */
export function resample(
  picture: Picture,
  size: Size,
  region: Region = { top: 0, left: 0, ...size },
  filter: Filter = 'bilinear',
): Picture {
  const scaled = scaledSource(pictureSource(picture), [size.height, size.width], filter);
  return pictureOf(scaled.read({ starts: [region.top, region.left], lengths: [region.height, region.width] }), picture.channels);
}

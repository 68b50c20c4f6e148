/** Resamples any rectangle of a picture to another size; src/sources/resample.ts defines the filters. */
import { type Filter, scaledSource } from '../sources/resample';
import { type Picture, pictureOf, pictureSource, type Region, type Size } from './picture';

export { FILTERS, type Filter } from '../sources/resample';

/** `region` of the picture after resizing the picture to `size`. */
export function resample(
  picture: Picture,
  size: Size,
  region: Region = { top: 0, left: 0, ...size },
  filter: Filter = 'bilinear',
): Picture {
  const scaled = scaledSource(pictureSource(picture), [size.height, size.width], filter);
  return pictureOf(scaled.read({ starts: [region.top, region.left], lengths: [region.height, region.width] }), picture.channels);
}

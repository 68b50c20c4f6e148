/** Fits a picture of any size to the size that a network takes: scaled, then cropped at its centre. */
import { cropPicture, type Picture, type Region, type Size } from './picture';
import type { Recipe } from './recipe';
import { type Filter, resample } from './resample';

export interface Fit {
  /** A number: new length of the shorter side; a size: stretched to it; `none`: unchanged. */
  readonly resize: number | Size | 'none';
  /** Size cut from the middle; `none`: all of it. */
  readonly crop: Size | 'none';
  /** Default: bilinear. */
  readonly filter?: Filter | undefined;
}

/** Networks for photographs see the middle seven eighths, as in ImageNet evaluation; smaller networks, for digits and icons, see everything. */
export function usualFit({ height, width }: Size): Fit {
  const shorter = Math.min(height, width);
  return { resize: shorter < 64 ? shorter : Math.round(shorter / 0.875), crop: { height, width } };
}

/**
 * Applies a description to a network that takes `target`: sizes that the description gives for another input size are rescaled.
 * Uses the defaults if the description gives no sizes.
 */
export function describedFit(target: Size, described: Pick<Recipe, 'resize' | 'crop'> | undefined): Fit {
  const { resize, crop } = described ?? {};
  if (resize === undefined || (resize === 'none' && (crop === undefined || crop === 'none'))) return usualFit(target);
  if (crop === undefined || crop === 'none') return { resize: typeof resize === 'number' ? resize : target, crop: target };
  const along = (length: number, wanted: number, side: number): number => Math.round((length * wanted) / side);
  if (typeof resize === 'number') {
    const [wanted, side] = [Math.min(target.height, target.width), Math.min(crop.height, crop.width)];
    return { resize: along(resize, wanted, side), crop: target };
  }
  if (resize === 'none') return { resize, crop: target };
  return {
    resize: { height: along(resize.height, target.height, crop.height), width: along(resize.width, target.width, crop.width) },
    crop: target,
  };
}

/** Size after scaling. The longer side is rounded down, as in torchvision. */
export function resizedSize(picture: Size, resize: Fit['resize']): Size {
  if (resize === 'none') return { height: picture.height, width: picture.width };
  if (typeof resize !== 'number') return resize;
  const longer = Math.max(1, Math.floor((resize * Math.max(picture.height, picture.width)) / Math.min(picture.height, picture.width)));
  return picture.height <= picture.width ? { height: resize, width: longer } : { height: longer, width: resize };
}

/** The centred rectangle; undefined if it is larger than the picture. */
export function centre(whole: Size, crop: Fit['crop']): Region | undefined {
  if (crop === 'none') return { top: 0, left: 0, height: whole.height, width: whole.width };
  if (crop.height > whole.height || crop.width > whole.width) return undefined;
  // Halves are rounded to even, as Python does in torchvision.
  const half = (length: number): number => (length % 4 === 1 ? (length - 1) / 2 : Math.round(length / 2));
  return { top: half(whole.height - crop.height), left: half(whole.width - crop.width), height: crop.height, width: crop.width };
}

/** The picture as the network sees it; undefined if the crop is larger than the scaled picture. */
export function fitPicture(picture: Picture, { resize, crop, filter }: Fit): Picture | undefined {
  const size = resizedSize(picture, resize);
  const region = centre(size, crop);
  return region && (resize === 'none' ? cropPicture(picture, region) : resample(picture, size, region, filter));
}

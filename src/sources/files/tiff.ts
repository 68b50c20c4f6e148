/**
 * TIFF files with any number of bands, bits and pages, at full depth. The only importer of geotiff, which is loaded when such a file is read. Pages of equal size
 * form a volume whose depth axis is the page. Small pages are cached whole; of large pages only the requested region is read.
 */
import type { GeoTIFF, GeoTIFFImage } from 'geotiff';
import { arrayDamaged, arrayTooLarge, pageNeeded } from '../../diagnostics/catalogue';
import { limitsFactor } from '../../files/limits';
import { type Block, type BlockData, cropBlock, product, type Source, sameLengths } from '../source';
import { fileBytes } from './bytes';
import { unreadKind } from './tiff-kinds';

/** Pages with at most SMALL_PAGE values are read whole; up to KEPT values of them are cached. */
const SMALL_PAGE = 2 ** 22;
const KEPT = 2 ** 24;
type BaseSource = Parameters<(typeof GeoTIFF)['fromSource']>[0];

/** Number of values of a page allowed for any file, and per byte of a larger file. */
const ANY_FILE = 2 ** 28;
const PER_BYTE = 64;
/** Maximum number of pages of a file. */
const MOST_PAGES = 65_536;

export interface TiffOptions {
  /** 2: one page is an image. 3: all pages together are a volume. */
  readonly axes: 2 | 3;
  /** Page number, from 1. */
  readonly page?: number | undefined;
}

interface Page {
  readonly width: number;
  readonly height: number;
  readonly bands: number;
}

/** Throws CompileError ARRAY_DAMAGED, ARRAY_TOO_LARGE, PAGE_NEEDED. */
export async function tiffSource(
  path: string,
  { axes, page }: TiffOptions,
  notFinite: (value: number, index: readonly number[]) => never,
): Promise<Source> {
  const { length } = fileBytes(path);
  const tiff = await guarded(path, async () => (await import('geotiff')).GeoTIFF.fromSource(regionsOf(path, length)));
  const count = await guarded(path, () => tiff.getImageCount());
  if (count > MOST_PAGES) throw arrayTooLarge(path, `it has ${count} pages`, `give a file with at most ${MOST_PAGES} pages`);
  if (axes === 2 && (page === undefined ? count > 1 : page > count)) throw pageNeeded(path, count);
  const first = axes === 2 ? (page ?? 1) - 1 : 0;
  const head = await guarded(path, () => tiff.getImage(first));
  await requireKnown(path, head);
  const shape = pageOf(head);
  const numbers = shape.width * shape.height * shape.bands;
  const most = limitsFactor() * Math.max(ANY_FILE, PER_BYTE * length);
  if (!(shape.width > 0 && shape.height > 0 && shape.bands > 0))
    throw arrayDamaged(path, `its page claims to be ${shape.width} x ${shape.height} with ${shape.bands} bands`);
  if (numbers > most)
    throw arrayTooLarge(
      path,
      `a page claims to have ${numbers.toLocaleString('en')} numbers, more than a file of ${length.toLocaleString('en')} bytes may hold`,
      'if it is meant to be, raise all limits with CONVOLUTIONIZE_LIMITS=10 (ten times)',
    );
  const pages = new Pages(path, tiff, shape, notFinite);
  const plane = [shape.height, shape.width];
  const lengths = axes === 2 ? plane : [count, ...plane];
  return {
    lengths,
    bands: shape.bands,
    levels: levelsOf(head),
    async read({ starts, lengths: wanted }) {
      const [depth, firstPage] = axes === 2 ? [1, first] : [wanted[0] ?? 1, starts[0] ?? 0];
      const within = { starts: starts.slice(-2), lengths: wanted.slice(-2) };
      const area = product(within.lengths) * shape.bands;
      let all: BlockData | undefined;
      for (let at = 0; at < depth; at++) {
        const { data } = await pages.region(firstPage + at, within);
        all ??= data instanceof Float64Array ? new Float64Array(area * depth) : new Float32Array(area * depth);
        all.set(data, at * area);
      }
      return { lengths: wanted, bands: shape.bands, data: all ?? new Float32Array() };
    },
  };
}

class Pages {
  private readonly kept = new Map<number, Block>();

  constructor(
    private readonly path: string,
    private readonly tiff: GeoTIFF,
    private readonly shape: Page,
    private readonly notFinite: (value: number, index: readonly number[]) => never,
  ) {}

  async region(page: number, box: { readonly starts: readonly number[]; readonly lengths: readonly number[] }): Promise<Block> {
    const { width, height, bands } = this.shape;
    const size = width * height * bands;
    if (size > SMALL_PAGE) return this.read(page, box);
    const known = this.kept.get(page);
    const whole = known ?? (await this.read(page, { starts: [0, 0], lengths: [height, width] }));
    if (!known) {
      if ((this.kept.size + 1) * size > KEPT) for (const oldest of [...this.kept.keys()].slice(0, 1)) this.kept.delete(oldest);
      this.kept.set(page, whole);
    }
    return cropBlock(whole, box);
  }

  private async read(
    page: number,
    { starts, lengths }: { readonly starts: readonly number[]; readonly lengths: readonly number[] },
  ): Promise<Block> {
    const [[top = 0, left = 0], [high = 0, wide = 0]] = [starts, lengths];
    const { bands } = this.shape;
    const image = await guarded(this.path, () => this.tiff.getImage(page));
    await requireKnown(this.path, image);
    const values = await guarded(this.path, async () => {
      const own = pageOf(image);
      if (!sameLengths([own.height, own.width, own.bands], [this.shape.height, this.shape.width, bands]))
        throw new Error(
          `page ${page + 1} is ${own.width} x ${own.height} with ${own.bands} bands, page 1 ${this.shape.width} x ${this.shape.height} with ${bands}`,
        );
      return image.readRasters({ window: [left, top, left + wide, top + high], interleave: true });
    });
    const data: BlockData =
      values instanceof Float64Array || values instanceof Uint32Array || values instanceof Int32Array
        ? Float64Array.from(values)
        : Float32Array.from(values);
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      const place = Math.floor(bad / bands);
      this.notFinite(data[bad] ?? Number.NaN, [page, top + Math.floor(place / wide), left + (place % wide), bad % bands]);
    }
    return { lengths, bands, data };
  }
}

/** Throws CompileError ARRAY_DAMAGED for a page that would be read wrongly. */
async function requireKnown(path: string, image: GeoTIFFImage): Promise<void> {
  const kind = await guarded(path, () => unreadKind(image));
  if (kind) throw arrayDamaged(path, kind.reason, kind.hint);
}

const pageOf = (image: GeoTIFFImage): Page => ({ width: image.getWidth(), height: image.getHeight(), bands: image.getSamplesPerPixel() });

function levelsOf(image: GeoTIFFImage): Source['levels'] {
  const [bits, format] = [image.getBitsPerSample(0), image.getSampleFormat(0)];
  return format === 1 && (bits === 8 || bits === 16) ? { black: 0, white: 2 ** bits - 1 } : undefined;
}

async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw arrayDamaged(path, `no TIFF that can be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Adapter through which geotiff reads regions of a file. geotiff may request more bytes than a small file has, so requests are clamped to the file's end. */
function regionsOf(path: string, length: number): BaseSource {
  const bytes = fileBytes(path);
  const slice = (offset: number, wanted: number): ArrayBufferLike => {
    if (offset > length) throw new Error('it is cut short');
    const { buffer, byteOffset, byteLength } = bytes.read(offset, Math.min(wanted, length - offset));
    return buffer.slice(byteOffset, byteOffset + byteLength);
  };
  return {
    fileSize: length,
    fetch: async (slices) => slices.map((each) => slice(each.offset, each.length)),
    fetchSlice: async (each) => ({ ...each, data: slice(each.offset, each.length) }),
    close: async () => undefined,
  };
}

/**
 * Recordings in RIFF/WAVE files: locates the samples and their format. PCM of 8, 16, 24 and 32 bits and floats of 32 and 64 bits become -1..1, as in torchaudio
 * and soundfile. The samples are not read here, but region by region like any other array.
 */
import { ELEMENTS, type Element } from './element';
import type { Bytes, StoredArray } from './stored';

export interface Recording {
  readonly stored: StoredArray;
  /** Sampling rate in Hz. */
  readonly rate: number;
}

export const isWav = (start: Uint8Array): boolean => /^(?:RIFF|RF64)[\s\S]{4}WAVE/.test(String.fromCharCode(...start.subarray(0, 12)));

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;
/** Maximum number of chunks before the samples; real files have a handful. */
const MOST_CHUNKS = 1000;

interface Format {
  readonly kind: number;
  readonly channels: number;
  readonly rate: number;
  readonly align: number;
  readonly bits: number;
}

export function wavRecording(bytes: Bytes, fail: (reason: string) => never): Recording {
  let at = 12;
  let format: Format | undefined;
  let large: number | undefined;
  for (let chunk = 0; at + 8 <= bytes.length; chunk++) {
    if (chunk > MOST_CHUNKS) fail('it has too many chunks in front of its samples');
    const head = viewOf(bytes.read(at, 8));
    const name = nameOf(head);
    const size = head.getUint32(4, true);
    const body = at + 8;
    if (name === 'ds64' && size >= 16) large = Number(viewOf(bytes.read(body, Math.min(16, bytes.length - body))).getBigUint64(8, true));
    if (name === 'fmt ') format = formatOf(bytes, body, size, fail);
    if (name === 'data') {
      if (!format) return fail('its samples come in front of what they are (no fmt chunk)');
      const claimed = size === 0xffffffff ? (large ?? bytes.length - body) : size;
      // Streams that were never closed announce 0 bytes; the samples then extend to the end of the file.
      const length = claimed === 0 ? bytes.length - body : claimed;
      if (body + length > bytes.length)
        fail(`it is cut short: ${length} bytes of samples are announced, and ${bytes.length - body} are there`);
      return recording(bytes, format, body, length, fail);
    }
    at = body + size + (size % 2);
  }
  return fail('it has no samples (no data chunk)');
}

function formatOf(bytes: Bytes, body: number, size: number, fail: (reason: string) => never): Format {
  if (size < 16 || body + size > bytes.length) fail('what its samples are is cut short (fmt chunk)');
  const view = viewOf(bytes.read(body, Math.min(size, 40)));
  const kind = view.getUint16(0, true);
  return {
    // The actual format is then the start of a longer identifier.
    kind: kind === EXTENSIBLE && view.byteLength >= 26 ? view.getUint16(24, true) : kind,
    channels: view.getUint16(2, true),
    rate: view.getUint32(4, true),
    align: view.getUint16(12, true),
    bits: view.getUint16(14, true),
  };
}

function recording(
  bytes: Bytes,
  { kind, channels, rate, align, bits }: Format,
  offset: number,
  length: number,
  fail: (reason: string) => never,
): Recording {
  if (channels < 1 || rate < 1) fail(`it claims to have ${channels} channels and ${rate} samples a second`);
  const element: Element | undefined =
    kind === PCM ? ELEMENTS[bits === 8 ? 'u1' : `i${bits / 8}`] : kind === FLOAT ? ELEMENTS[`f${bits / 8}`] : undefined;
  if (!element || element.dtype === 'int64' || element.dtype === 'float16')
    return fail(`its samples are of a kind that is not read (format ${kind}, ${bits} bits): save them as PCM of 16 bits`);
  if (align !== channels * element.bytes) fail(`a sample of ${channels} channels of ${bits} bits does not have ${align} bytes`);
  const count = Math.floor(length / align);
  if (count === 0) fail('it has no samples');
  const isByte = kind === PCM && bits === 8;
  const scale = kind === FLOAT ? 1 : 1 / 2 ** (bits - 1);
  const stored = { bytes, element, little: true, offset, shape: [count, channels], steps: [channels, 1], zero: isByte ? 128 : 0, scale };
  return { stored, rate };
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const nameOf = (view: DataView): string => String.fromCharCode(...[0, 1, 2, 3].map((at) => view.getUint8(at)));

import { FrontierError } from '../../core/errors.ts';

/** Numbers of one tensor, row by row, and its shape. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Gives tensors by name. Throws MODEL_UNREADABLE when there is none of the name and shape. */
export type TensorFile = (name: string, ...shape: readonly number[]) => Tensor;

const LENGTH_BYTES = 8;
const MAX_HEADER_BYTES = 1_000_000;

interface Entry {
  readonly dtype?: string;
  readonly shape?: readonly number[];
  readonly data_offsets?: readonly [number, number];
}

/**
 * Reads a file of tensors in the safetensors format (huggingface.co/docs/safetensors: length of the header in eight bytes,
 * the header as JSON, the numbers, little-endian). Throws MODEL_UNREADABLE, saying what is wrong.
 */
export function readSafetensors(file: Uint8Array): TensorFile {
  // A Buffer's own `slice` gives a view; the copies below must be copies.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < LENGTH_BYTES ? 0 : Number(view.getBigUint64(0, true));
  const start = LENGTH_BYTES + length;
  if (length === 0 || length > MAX_HEADER_BYTES || start > bytes.length) throw unreadable('it is no safetensors file');
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, start));
  return (name, ...shape) => {
    const { dtype, shape: found, data_offsets: offsets } = header[name] ?? {};
    if (dtype !== 'F32' || offsets === undefined) throw unreadable(`it has no tensor ${name} of 32-bit numbers`);
    if (found?.join() !== shape.join())
      throw unreadable(`${name} is ${found?.join(' x ') ?? 'of no shape'}, not ${shape.join(' x ')}`);
    const size = shape.reduce((product, side) => product * side, 1);
    const data = bytes.slice(start + offsets[0], start + offsets[1]);
    if (data.length !== size * Float32Array.BYTES_PER_ELEMENT) throw unreadable(`${name} is cut short`);
    return { shape, values: new Float32Array(data.buffer) };
  };
}

function parseHeader(bytes: Uint8Array): Readonly<Record<string, Entry>> {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Readonly<Record<string, Entry>>;
  } catch (cause) {
    throw unreadable('its header is no JSON', cause);
  }
}

function unreadable(why: string, cause?: unknown): FrontierError {
  return new FrontierError('MODEL_UNREADABLE', `the weights cannot be used: ${why}`, { cause });
}

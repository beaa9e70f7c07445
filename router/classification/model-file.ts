import { FrontierError } from '../../core/errors.ts';

/** A model's file: what is told about it as JSON, then its numbers. */
export interface ModelFile {
  readonly header: unknown;
  readonly payload: Uint8Array;
}

/** Kinds of files: three letters and the version of the format. */
export const MODEL_KINDS = { linear: 0x46434d01, secondStage: 0x46434501 } as const;
const FIXED_BYTES = 12;

/** Writes magic, checksum of all that follows, length of the header; the header as JSON; the numbers. */
export function encodeModelFile(magic: number, header: unknown, payload: Uint8Array): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(FIXED_BYTES + json.length + payload.length);
  bytes.set(json, FIXED_BYTES);
  bytes.set(payload, FIXED_BYTES + json.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic);
  view.setUint32(8, json.length);
  view.setUint32(4, checksum(bytes.subarray(8)));
  return bytes;
}

/** Reads what encodeModelFile wrote. Throws MODEL_UNREADABLE, saying what is wrong, when it is no sound file of the kind. */
export function decodeModelFile(magic: number, bytes: Uint8Array): ModelFile {
  if (bytes.length < FIXED_BYTES) throw unreadable('it is too short');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = view.getUint32(0);
  if (found >>> 8 !== magic >>> 8) throw unreadable('it is not a classifier model');
  if (found !== magic) throw unreadable(`its format ${found & 0xff} is not known to this version`);
  if (view.getUint32(4) !== checksum(bytes.subarray(8)))
    throw unreadable('its checksum does not match: it is damaged or cut short');
  const start = FIXED_BYTES + view.getUint32(8);
  const header: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(FIXED_BYTES, start)));
  return { header, payload: bytes.subarray(start) };
}

/** Gives the error of a model that cannot be used. */
export function unreadable(why: string): FrontierError {
  return new FrontierError('MODEL_UNREADABLE', `the classifier's model cannot be used: ${why}`);
}

/** FNV-1a over 32 bits: finds damage, not forgery. */
function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** Gives the checksum that a file says it has, by which models that belong together know each other. */
export function checksumOf(bytes: Uint8Array): string {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(4).toString(16).padStart(8, '0');
}

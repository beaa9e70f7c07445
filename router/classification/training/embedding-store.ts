import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { MINILM } from '../../embedding/minilm-graph.ts';
import type { EncodeSentence } from '../../embedding/sentence-encoder.ts';

const KEY_BYTES = 16;
const VECTOR_BYTES = MINILM.hidden * Float32Array.BYTES_PER_ELEMENT;
const RECORD_BYTES = KEY_BYTES + VECTOR_BYTES;
/** Vectors written at a time, so that a run that is cut off has not worked in vain. */
const WRITTEN_AT_ONCE = 256;

/**
 * Gives the embeddings of texts, one after another in one array. Those of earlier runs are taken from the file, new ones are added to it: embedding
 * ten thousand queries takes minutes.
 */
export async function embedAll(
  texts: readonly string[],
  encode: EncodeSentence,
  file: string,
  onProgress: (done: number, of: number) => void,
): Promise<Float32Array> {
  const known = readStore(file);
  const vectors = new Float32Array(texts.length * MINILM.hidden);
  const missing: number[] = [];
  const keys = texts.map(keyOf);
  keys.forEach((key, row) => {
    const found = known.get(key);
    if (found === undefined) missing.push(row);
    else vectors.set(found, row * MINILM.hidden);
  });
  let pending: Buffer[] = [];
  const write = (): void => {
    mkdirSync(path.dirname(file), { recursive: true });
    if (pending.length > 0) appendFileSync(file, Buffer.concat(pending));
    pending = [];
  };
  for (const [at, row] of missing.entries()) {
    const vector = await encode(texts[row] ?? '');
    vectors.set(vector, row * MINILM.hidden);
    pending.push(Buffer.from(keys[row] ?? '', 'hex'), Buffer.from(vector.buffer, vector.byteOffset, VECTOR_BYTES));
    if (pending.length >= 2 * WRITTEN_AT_ONCE) write();
    if ((at + 1) % 1000 === 0) onProgress(at + 1, missing.length);
  }
  write();
  return vectors;
}

function keyOf(text: string): string {
  return createHash('sha256')
    .update(text)
    .digest('hex')
    .slice(0, KEY_BYTES * 2);
}

/** Reads the vectors of a file, and cuts off half a record that a broken-off run left at its end. */
function readStore(file: string): Map<string, Float32Array> {
  const known = new Map<string, Float32Array>();
  if (!existsSync(file)) return known;
  const bytes = readFileSync(file);
  if (bytes.length % RECORD_BYTES !== 0) truncateSync(file, bytes.length - (bytes.length % RECORD_BYTES));
  for (let at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
    const key = bytes.toString('hex', at, at + KEY_BYTES);
    const copy = new Uint8Array(bytes.subarray(at + KEY_BYTES, at + RECORD_BYTES));
    known.set(key, new Float32Array(copy.buffer));
  }
  return known;
}

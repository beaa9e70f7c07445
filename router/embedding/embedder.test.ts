import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/logging.ts';
import { createEmbedder, type Embedder } from './embedder.ts';
import { findEmbeddingFiles } from './embedding-files.ts';

/** Longer than any machine takes for a few words. */
const AMPLE_MS = 60_000;
const folder = mkdtempSync(path.join(tmpdir(), 'frontier-embedder-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A clock on which no time at all is over at once. */
const clock = {
  ...systemClock,
  after(ms: number, callback: () => void) {
    if (ms > 0) return systemClock.after(ms, callback);
    callback();
    return () => undefined;
  },
};

const make = (files: Parameters<typeof createEmbedder>[0]['files']): Embedder =>
  createEmbedder({ files, cacheEntries: 2, clock, log: silentLogger });
const files = () => findEmbeddingFiles(process.env['FRONTIER_RUNTIME__EMBEDDING_PATH'], process.env);
const cosine = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);

describe('an embedder', () => {
  let embedder: Embedder;
  beforeAll(async () => {
    embedder = make(files());
    await embedder.settled;
  }, AMPLE_MS);
  afterAll(() => embedder.close());

  it('embeds beside, keeps what it has made, and forgets the oldest', async () => {
    expect(embedder.status).toEqual({ state: 'ready' });
    const first = await embedder.embed('one', AMPLE_MS);
    expect(first).toHaveLength(384);
    expect(embedder.known('one')).toBe(first);
    await embedder.embed('two', AMPLE_MS);
    await embedder.embed('three', AMPLE_MS);
    expect(embedder.known('one')).toBeUndefined();
  });

  const vectorOf = async (text: string): Promise<Float32Array> => {
    const vector = await embedder.embed(text, AMPLE_MS);
    if (typeof vector === 'string') throw new Error(vector);
    return vector;
  };

  it('gives the similarities that the authors of the model publish, nearly', async () => {
    const lovely = await vectorOf('The weather is lovely today.');
    const sunny = await vectorOf("It's so sunny outside!");
    const stadium = await vectorOf('He drove to the stadium.');
    // sbert.net, "Quickstart": 0.6660, 0.1046 and 0.1411 with 32-bit weights.
    expect(Math.abs(cosine(lovely, sunny) - 0.666)).toBeLessThan(0.03);
    expect(Math.abs(cosine(lovely, stadium) - 0.1046)).toBeLessThan(0.03);
    expect(Math.abs(cosine(sunny, stadium) - 0.1411)).toBeLessThan(0.03);
    expect(cosine(lovely, lovely)).toBeCloseTo(1, 4);
  });

  it('reads but the beginning and the end of a long text', async () => {
    const around = (middle: string): string => `${'start '.repeat(60)}${middle}${' end'.repeat(60)}`;
    expect(await vectorOf(around('apple'))).toEqual(await vectorOf(around('a picture of a house')));
  });

  it('says that it is late, and keeps the embedding when it comes', async () => {
    expect(await embedder.embed('in no time at all', 0)).toBe('late');
    expect(await embedder.embed('in no time at all', AMPLE_MS)).toBe(embedder.known('in no time at all'));
  });

  it('takes no more than would be done in time', async () => {
    const outcomes = await Promise.all(Array.from({ length: 200 }, (_none, at) => embedder.embed(`query ${at}`, 1)));
    expect(outcomes).toContain('busy');
  });
});

describe('an embedder without a model', () => {
  it('says what is missing', async () => {
    const embedder = make({ missing: '/no/model.safetensors' });
    await embedder.settled;
    expect(embedder.status).toEqual({ state: 'unavailable', detail: '/no/model.safetensors is missing' });
    expect(await embedder.embed('x', 1)).toBe('unavailable');
    await embedder.close();
  });

  it(
    'says what is wrong with a damaged one',
    async () => {
      const weights = path.join(folder, 'model.safetensors');
      writeFileSync(weights, 'no weights');
      const embedder = make({ weights, tokenizer: weights, tokenizerSettings: weights });
      await embedder.settled;
      expect(embedder.status).toMatchObject({ state: 'unavailable', detail: expect.stringContaining('safetensors') });
      await embedder.close();
    },
    AMPLE_MS,
  );
});

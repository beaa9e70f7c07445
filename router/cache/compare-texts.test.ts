import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/logging.ts';
import { createEmbedder, type Embedder } from '../embedding/embedder.ts';
import { findEmbeddingFiles } from '../embedding/embedding-files.ts';
import { compareMeaning, mustsOf, type CompareTexts } from './compare-texts.ts';

/** Longer than any machine takes for a few words. */
const AMPLE_MS = 60_000;

const pairsIn = (name: string): string[][] =>
  readFileSync(path.join(import.meta.dirname, 'pairs', name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));

describe('compared by meaning, under the bound that the documentation recommends', () => {
  let byMeaning: CompareTexts;
  let embedder: Embedder;
  beforeAll(async () => {
    const files = findEmbeddingFiles(process.env['FRONTIER_RUNTIME__EMBEDDING_PATH'], process.env);
    embedder = createEmbedder({ files, cacheEntries: 200, clock: systemClock, log: silentLogger });
    await embedder.settled;
    expect(embedder.status).toEqual({ state: 'ready' });
    byMeaning = compareMeaning(0.9, embedder, AMPLE_MS);
  }, AMPLE_MS);
  afterAll(() => embedder.close());
  const hitsOf = async (name: string): Promise<number> => {
    let hits = 0;
    for (const [a = '', b = ''] of pairsIn(name)) {
      const similarity = byMeaning.similarityOf(await byMeaning.prepare(a), await byMeaning.prepare(b));
      if (similarity >= byMeaning.bound) hits += 1;
    }
    return hits;
  };

  it('questions for the same thing in other words are often found', async () => {
    expect(await hitsOf('same.txt')).toBeGreaterThanOrEqual(14);
  });

  it('questions that differ in one word that matters are not', async () => {
    expect(await hitsOf('other.txt')).toBeLessThanOrEqual(1);
  });

  it('a text without an embedding is compared by its words', async () => {
    const late = compareMeaning(0.9, { embed: () => Promise.resolve('late' as const) }, 1);
    const [a, b, c] = await Promise.all(
      ['Reset my password', 'reset my password', 'I forgot it'].map(async (text) => late.prepare(text)),
    );
    expect(late.similarityOf(a!, b!)).toBeGreaterThan(0.99);
    expect(late.similarityOf(a!, c!)).toBeLessThan(0.9);
  });
});

it.each([
  ['revenue in 2023', 'revenue in 2024'],
  ['Can I eat this?', "Can't I eat this?"],
  ['plan A', 'plan B'],
  ['open on Sunday', 'open on Monday'],
])('%s and %s must differ', (a, b) => {
  expect(mustsOf(a)).not.toBe(mustsOf(b));
});

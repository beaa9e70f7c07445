import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/logging.ts';
import { createSeededRng } from '../../core/rng.ts';
import { createEmbedder, type Embedder } from '../embedding/embedder.ts';
import { findEmbeddingFiles } from '../embedding/embedding-files.ts';
import type { Classification, ClassifierInput } from './classifier.ts';
import { createLexicalClassifier } from './lexical-classifier.ts';
import { createLinearScorer } from './linear-scorer.ts';
import { loadModel } from './load-model.ts';
import { loadStages } from './load-stages.ts';
import { createSecondStage, type SecondStage } from './second-stage.ts';
import { createTextClassifier } from './text-classifier.ts';
import { robustnessOf } from './training/judge.ts';
import { readLabelled, readProjectExamples } from './training/read-dataset.ts';
import { reportOn } from './training/report.ts';
import { robustness } from './training/train-model.ts';

/**
 * What the shipped model must do together on queries that it was not trained on. The sample is small, so that the bounds
 * leave room for a row or two; the figures on thousands of rows are in docs/classification.md.
 */
const sample = readLabelled(path.join(import.meta.dirname, 'sample', 'queries.jsonl'));
const model = loadModel();
/** The default of router.classification.second_stage.margin. */
const MARGIN = 0.7;
/** Longer than any machine takes for a query. */
const AMPLE_MS = 60_000;

describe('the shipped model, on the sample', () => {
  const classify = createTextClassifier(model, systemClock);
  const report = reportOn(
    sample.map((row) => {
      const { class: predicted, probability } = classify(row);
      return { label: row.label, source: row.source, predicted, probability };
    }),
  );

  it('is right', () => {
    expect(report.accuracy).toBeGreaterThanOrEqual(0.93);
    expect(report.macro_f1).toBeGreaterThanOrEqual(0.93);
    for (const { recall } of Object.values(report.per_class)) expect(recall).toBeGreaterThanOrEqual(0.85);
  });

  it('knows how sure it may be', () => {
    expect(report.calibration_error).toBeLessThanOrEqual(0.08);
    expect(report.confident.share).toBeGreaterThanOrEqual(0.7);
    expect(report.confident.accuracy).toBeGreaterThanOrEqual(0.97);
  });

  it('says the same when the same is written otherwise', () => {
    const changed = Object.values(robustness(createLinearScorer(model), sample, createSeededRng(5)));
    expect(changed.reduce((sum, share) => sum + share, 0) / changed.length).toBeLessThanOrEqual(0.02);
    expect(Math.max(...changed)).toBeLessThanOrEqual(0.04);
  });

  it('was trained on none of it', () => {
    const { own } = readProjectExamples();
    const known = new Set(own.map(({ text }) => text.toLowerCase()));
    expect(sample.filter(({ text }) => known.has(text.toLowerCase()))).toEqual([]);
  });
});

describe('both stages, on the sample', () => {
  let embedder: Embedder;
  let secondStage: SecondStage;
  const { lexical, second } = loadStages();
  const first = createLexicalClassifier(lexical);
  beforeAll(async () => {
    if ('missing' in second) throw new Error(second.missing);
    const files = findEmbeddingFiles(process.env['FRONTIER_RUNTIME__EMBEDDING_PATH'], process.env);
    embedder = createEmbedder({ files, cacheEntries: 4096, clock: systemClock, log: silentLogger });
    await embedder.settled;
    expect(embedder.status).toEqual({ state: 'ready' });
    secondStage = createSecondStage(lexical, second);
  }, AMPLE_MS);
  afterAll(() => embedder.close());
  const classify = async (input: ClassifierInput): Promise<Classification> => {
    const found = first.classify(input);
    if (found.margin >= MARGIN) return found;
    const vector = await embedder.embed(input.text, AMPLE_MS);
    if (typeof vector === 'string') throw new Error(vector);
    return secondStage.classify(input, vector);
  };

  it(
    'are right, know how sure they may be, and say the same when the same is written otherwise',
    async () => {
      const predictions = [];
      for (const row of sample) {
        const { queryClass: predicted, probability } = await classify(row);
        predictions.push({ label: row.label, source: row.source, predicted, probability });
      }
      const report = reportOn(predictions);
      expect(report.accuracy).toBeGreaterThanOrEqual(0.95);
      expect(report.macro_f1).toBeGreaterThanOrEqual(0.95);
      expect(report.calibration_error).toBeLessThanOrEqual(0.06);
      expect(report.confident.share).toBeGreaterThanOrEqual(0.8);
      expect(report.confident.accuracy).toBeGreaterThanOrEqual(0.97);
      const changed = await robustnessOf(
        async (input) => (await classify(input)).queryClass,
        sample,
        createSeededRng(5),
      );
      expect(Math.max(...Object.values(changed))).toBeLessThanOrEqual(0.025);
    },
    5 * AMPLE_MS,
  );

  it('explain themselves', async () => {
    const input = { text: 'make it sound nicer', context: undefined, attachments: [] };
    const vector = await embedder.embed(input.text, AMPLE_MS);
    const { stage, signals } = secondStage.classify(input, vector as Float32Array);
    expect(stage).toBe('embedding');
    expect(signals.map(({ name }) => name)).toContain('meaning of the whole text');
  });
});

describe('a decision of the classifier', () => {
  it('allocates less than two kilobytes, whatever the length of the text', () => {
    const at = (name: string): string => JSON.stringify(pathToFileURL(path.join(import.meta.dirname, name)).href);
    // The young generation is large enough for all that is allocated, so that nothing is collected while it is counted.
    const script = `
      import { createLexicalClassifier } from ${at('lexical-classifier.ts')};
      import { loadModel } from ${at('load-model.ts')};
      const classifier = createLexicalClassifier(loadModel());
      const input = { text: 'Describe the chart in our report. '.repeat(100), context: undefined, attachments: [] };
      const measure = (count) => {
        const before = process.memoryUsage().heapUsed;
        for (let at = 0; at < count; at += 1) classifier.classify(input);
        return (process.memoryUsage().heapUsed - before) / count;
      };
      measure(5000);
      console.log(measure(5000));`;
    const args = ['--max-semi-space-size=128', '--min-semi-space-size=128', '--input-type=module', '-e', script];
    const bytes = Number(
      execFileSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } }),
    );
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(2048);
  });
});

import { expect, it } from '@jest/globals';
import { createManualClock } from '../../../core/clock.ts';
import { moduleSpecSchema, orchestrationFileSchema } from '../../../core/config/schema.ts';
import { thresholdOf } from '../../decide/module-status.ts';
import { createFallbackLedger } from '../fallback-ledger.ts';
import type { ModuleRecord } from '../module-record.ts';
import { createRecentValues } from '../quantiles.ts';
import { createScoreBook } from './score-book.ts';
import { createTuner } from './tuner.ts';

function rigOf(tuning: 'off' | 'recommend' | 'apply') {
  const clock = createManualClock();
  const { fallback } = orchestrationFileSchema.parse({
    orchestration: { fallback: { healing: { tuning } } },
  }).orchestration;
  const scores = createScoreBook();
  const firstTokens = createRecentValues();
  const record = {
    spec: moduleSpecSchema.parse({ module_id: 'a', query_classes: ['GENERAL'] }),
    thresholds: new Map(),
    firstTokens,
  } as unknown as ModuleRecord;
  for (let count = 0; count < 60; count += 1) {
    scores.noteAnswer('a', 'GENERAL', 0.5);
    scores.noteFeedback('a', 'GENERAL', 0.5, 0);
    firstTokens.add(200);
  }
  const done: string[] = [];
  const tuner = createTuner({
    fallback,
    clock,
    records: () => [record],
    ledger: createFallbackLedger(),
    scores,
    note: (action, id, reason) => done.push(`${action} ${id}: ${reason}`),
  });
  return { clock, record, tuner, done };
}

it('recommends with the figures, and changes nothing', async () => {
  const { clock, record, tuner, done } = rigOf('recommend');
  expect(tuner.recommendations()).toMatchObject([
    { moduleId: 'a', setting: 'confidence_threshold', queryClass: 'GENERAL', present: 0.3, value: 0.35 },
    { moduleId: 'a', setting: 'timeouts.first_token', present: 3, value: 1.5 },
  ]);
  await clock.advance(3_600_000);
  expect(thresholdOf(record, 'GENERAL')).toBe(0.3);
  expect(done).toEqual([]);
});

it('applies confidence thresholds, a step in five minutes, and says so', async () => {
  const { clock, record, done } = rigOf('apply');
  await clock.advance(600_000);
  expect(thresholdOf(record, 'GENERAL')).toBeCloseTo(0.4);
  expect(done).toHaveLength(2);
  expect(done[0]).toContain('tune a: confidence_threshold of GENERAL from 0.3 to 0.35: of 60 answers 60 were judged');
});

it('says nothing where it is off', () => {
  expect(rigOf('off').tuner.recommendations()).toEqual([]);
});

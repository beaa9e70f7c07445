import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { REPOSITORY, startFrontier } from '../support/frontier.ts';
import type { RunningFrontier } from '../support/frontier.ts';
import { ask } from '../support/http-api.ts';
import type { RouteBody } from '../support/http-api.ts';
import { moduleStatus } from '../support/status.ts';

const invoice = readFileSync(join(REPOSITORY, 'test', 'fixtures', 'invoice.png')).toString('base64');

const QUERIES: [queryClass: string, moduleId: string, body: RouteBody][] = [
  ['CODE_GENERATION', 'web-development', { query: 'Write a Python function that reverses a string' }],
  [
    'BUSINESS_ANALYSIS',
    'business-operations',
    { query: 'Analyse our quarterly revenue, market share and return on investment, and forecast next quarter' },
  ],
  [
    'CREATIVE_CONTENT',
    'marketing-creative',
    { query: 'Write a catchy slogan and a short poem for a new coffee brand' },
  ],
  ['GENERAL', 'foundation', { query: 'What is the capital of France?' }],
  [
    'MULTIMODAL',
    'multimodal-processor',
    {
      query: 'What does this image say?',
      attachments: [{ media_type: 'image/png', data: invoice, name: 'invoice.png' }],
    },
  ],
];

describe('the first answer of each class, from a module that was not running', () => {
  let system: RunningFrontier;
  beforeAll(async () => {
    system = await startFrontier();
  }, 90_000);
  afterAll(() => system.stop(), 60_000);

  it.each(QUERIES)(
    '%s is answered by %s',
    async (queryClass, moduleId, body) => {
      const before = await moduleStatus(system.url, moduleId);
      expect(before).toMatchObject({ state: 'UNLOADED', readyReplicas: 0 });

      const answer = await ask(system.url, {
        user_id: 'u-1',
        context: { domain: 'test' },
        parameters: { max_tokens: 48 },
        ...body,
      });

      expect(answer).toEqual({
        content: expect.stringMatching(/\S/),
        confidence_score: expect.any(Number),
        processing_time: expect.any(Number),
        module_used: moduleId,
        fallback_used: false,
        metadata: expect.objectContaining({
          token_count: expect.any(Number),
          query_class: queryClass,
          quality_metrics: {
            relevance: expect.any(Number),
            coherence: expect.any(Number),
            accuracy: expect.any(Number),
            completeness: expect.any(Number),
            safety: expect.any(Number),
          },
        }),
      });
      const fractions = [answer.confidence_score, ...Object.values(answer.metadata.quality_metrics)];
      expect(fractions.filter((value) => !(value > 0 && value <= 1))).toEqual([]);
      expect(answer.processing_time).toBeGreaterThan(0);
      // Text recognition reads words; it has no tokens.
      expect(answer.metadata.token_count).toBeGreaterThan(queryClass === 'MULTIMODAL' ? -1 : 0);

      const after = await moduleStatus(system.url, moduleId);
      expect(after).toMatchObject({ state: 'READY', readyReplicas: 1 });
    },
    120_000,
  );

  it('reads the words that are in the image', async () => {
    const answer = await ask(system.url, QUERIES[4]![2]);
    expect(answer.content).toContain('4,215');
  }, 60_000);
});

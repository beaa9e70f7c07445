import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Logger } from '../../core/logging.ts';
import { silentLogger } from '../../core/logging.ts';
import { readProjectExamples } from '../../router/classification/training/read-dataset.ts';
import { ask, post } from '../support/http-api.ts';
import { runFrontier } from '../support/run-frontier.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { answering, fiveModules } from './five-modules.ts';
import { startTestRouter, type TestModule } from './router-harness.ts';

const TRIP = 'Please book a flight from Lisbon to Oslo for two people in May';
const TRAVEL: TestModule = {
  spec: { module_id: 'travel-desk', query_classes: ['TRAVEL_BOOKING'], fallbacks: ['foundation'] },
  behaviour: answering('travel-desk'),
};
const CLASS = { id: 'TRAVEL_BOOKING', description: 'Flights, trains and rooms', domains: ['travel'] };
const classification = (more: object) => ({ router: { classification: { classes: [CLASS], ...more } } });

/** Rows of six classes: some of the project's own examples, and requests of travellers. */
function sixClasses(): object[] {
  const { own } = readProjectExamples();
  const shipped = own.filter((_row, at) => at % 20 === 0).map(({ text, label, source }) => ({ text, label, source }));
  const places = ['Lisbon', 'Oslo', 'Rome', 'Lima', 'Kyoto', 'Cairo', 'Quito', 'Riga'];
  const asks = ['Book a flight', 'Please book me a train', 'I need a flight and a hotel', 'Can you reserve two seats'];
  const more = [
    'Book tickets for two people',
    'Find the cheapest flight',
    'Please change my flight',
    'Book a night train',
  ];
  const ends = ['for two people', 'in May', 'next Monday morning', 'with one suitcase'];
  const travel = [...asks, ...more].flatMap((ask, source) =>
    places.flatMap((place, at) =>
      ends.map((end, shift) => ({
        text: `${ask} from ${place} to ${places[(at + 3 + shift) % places.length] ?? ''} ${end}`,
        label: 'TRAVEL_BOOKING',
        source: `travel-${source}`,
      })),
    ),
  );
  return [...shipped, ...travel];
}

describe('a class of one’s own, with a model that was trained on it', () => {
  let model: string;
  beforeAll(async () => {
    const folder = tempFolder('six-classes');
    const data = join(folder, 'six.jsonl');
    model = join(folder, 'six.bin');
    writeFileSync(
      data,
      sixClasses()
        .map((row) => JSON.stringify(row))
        .join('\n'),
    );
    const { code, stderr } = await runFrontier(['train', 'classifier', '--data', data, '--output', model], {});
    expect(stderr).toContain('add to router.classification.classes: {id: TRAVEL_BOOKING}');
    expect(code).toBe(0);
  }, 300_000);

  it('takes a query to its module, and every way of telling says so', async () => {
    const log = join(tempFolder('outcomes'), 'outcomes.jsonl');
    const router = await startTestRouter([...fiveModules(), TRAVEL], {
      router: { ...classification({ model }).router, selection: { outcome_log: log } },
    });
    const answer = await ask(router.url, { query: TRIP, explain: true });
    expect(answer.module_used).toBe('travel-desk');
    expect(answer.metadata).toMatchObject({
      query_class: 'TRAVEL_BOOKING',
      explanation: {
        probabilities: [{ query_class: 'TRAVEL_BOOKING' }, {}, {}, {}, {}, {}],
        signals: expect.arrayContaining([expect.objectContaining({ query_class: 'TRAVEL_BOOKING' })]),
      },
    });
    const told = await post<object>(`${router.url}/api/v1/classify`, { query: TRIP });
    expect(told.body).toMatchObject({
      query_class: 'TRAVEL_BOOKING',
      explanation: { plan: { steps: [{ module_id: 'travel-desk' }, {}] } },
    });
    const { request_id: requestId } = answer.metadata as unknown as { request_id: string };
    const feedback = await fetch(`${router.url}/api/v1/feedback`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ request_id: requestId, rating: 1 }),
    });
    expect(feedback.status).toBe(204);
    const stats = await (await fetch(`${router.url}/fallback/stats`)).text();
    expect(stats).toContain('TRAVEL_BOOKING');
    const metrics = await (await fetch(`${router.url}/metrics`)).text();
    expect(metrics).toMatch(/frontier_router_requests_total\{[^}]*query_class="TRAVEL_BOOKING",module="travel-desk"/);
    expect(router.sidecar('travel-desk').seen[0]?.payload).toMatchObject({
      value: { priors: { queryClass: 'TRAVEL_BOOKING' } },
    });
    const { code, stdout } = await runFrontier(['replay', '--data', log, '--json'], {});
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ outcomes: 1 });
    expect(readFileSync(log, 'utf8')).toContain('"query_class":"TRAVEL_BOOKING"');
    expect((await ask(router.url, { query: 'Write a Python function that sorts a list' })).module_used).toBe(
      'web-development',
    );
  });

  it('goes to GENERAL’s modules while none serves it', async () => {
    const router = await startTestRouter(fiveModules(), classification({ model }));
    const answer = await ask(router.url, { query: TRIP });
    expect(answer).toMatchObject({ module_used: 'foundation', metadata: { query_class: 'TRAVEL_BOOKING' } });
  });

  it('must be configured, or the router does not start', async () => {
    const start = startTestRouter(fiveModules(), { router: { classification: { model } } });
    await expect(start).rejects.toThrow(
      'router.classification.model knows the class TRAVEL_BOOKING, which is not configured: add it to router.classification.classes',
    );
  });
});

describe('a class of one’s own, with the model that ships', () => {
  it('is reached by its domain alone, and the log says so', async () => {
    const logged: unknown[] = [];
    const log = { ...silentLogger, warn: (entry: unknown) => void logged.push(entry) } as unknown as Logger;
    const router = await startTestRouter([...fiveModules(), TRAVEL], classification({}), { log });
    expect(logged).toContainEqual(
      expect.objectContaining({ event: 'classes_not_in_model', classes: ['TRAVEL_BOOKING'] }),
    );
    expect((await ask(router.url, { query: TRIP })).module_used).not.toBe('travel-desk');
    const answer = await ask(router.url, { query: TRIP, context: { domain: 'travel' } });
    expect(answer).toMatchObject({ module_used: 'travel-desk', metadata: { query_class: 'TRAVEL_BOOKING' } });
  });

  it('needs a domain, or a model that was trained on it', async () => {
    const classes = [{ id: 'TRAVEL_BOOKING' }];
    await expect(startTestRouter(fiveModules(), { router: { classification: { classes } } })).rejects.toThrow(
      /does not know the class TRAVEL_BOOKING .*frontier train classifier/,
    );
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { ask, post } from '../support/http-api.ts';
import { eventually } from '../support/eventually.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { answering, fiveModules } from './five-modules.ts';
import { startTestRouter, type TestModule, type TestRouter } from './router-harness.ts';

const CODE = 'Write a Python function that reverses a string';

/** Events of a streamed answer, as [name, data]. */
async function streamed(router: TestRouter, body: object): Promise<[string, Record<string, unknown>][]> {
  const response = await fetch(`${router.url}/api/v1/route`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify(body),
  });
  return (await response.text())
    .split('\n\n')
    .filter((event) => event.startsWith('event: '))
    .map((event) => {
      const [name = '', data = ''] = event.split('\n');
      return [name.slice('event: '.length), JSON.parse(data.slice('data: '.length)) as Record<string, unknown>];
    });
}

it('an equal query is answered from the cache, by every way in, unless it says otherwise', async () => {
  const router = await startTestRouter(fiveModules(), { router: { cache: { enabled: true } } });
  const seen = (): number => router.sidecar('web-development').seen.length;
  const first = await ask(router.url, { query: CODE });
  expect(first.metadata).toMatchObject({ cache_hit: false });
  const again = await ask(router.url, { query: CODE });
  expect(again).toMatchObject({ content: first.content, module_used: 'web-development' });
  expect(again.metadata).toMatchObject({ cache_hit: true, cost: 0, attempts: [] });
  const events = await streamed(router, { query: CODE });
  expect(events.map(([name]) => name)).toEqual(['decision', 'token', 'confidence', 'usage', 'done']);
  expect(events[1]?.[1]).toMatchObject({ text: first.content, index: 0 });
  expect(seen()).toBe(1);

  await ask(router.url, { query: CODE, cache_policy: 'no_store' });
  expect(seen()).toBe(2);
  const chat = { model: 'web-development', messages: [{ role: 'user', content: CODE }] };
  for (const headers of [{}, {}, { 'cache-control': 'no-store' }])
    await post(`${router.url}/v1/chat/completions`, chat, headers);
  expect(seen()).toBe(4);
  const metrics = await (await fetch(`${router.url}/metrics`)).text();
  expect(metrics).toContain('frontier_router_cache_lookups_total{outcome="exact"} 3');
  expect(metrics).toMatch(/frontier_router_cache_bytes [1-9]/);
});

it('equal queries at the same time are one call, when asked for', async () => {
  const router = await startTestRouter(fiveModules(), { router: { cache: { enabled: true, collapse: true } } });
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(router.url, { query: CODE })));
  expect(new Set(answers.map(({ content }) => content)).size).toBe(1);
  expect(router.sidecar('web-development').seen).toHaveLength(1);
});

it('a warm module answers while the right one is started, when policy says so', async () => {
  const modules = fiveModules().map((module): TestModule =>
    module.spec.module_id === 'web-development' ? { ...module, ready: false } : module,
  );
  const router = await startTestRouter(modules, {
    router: { selection: { cold_start: { policy: 'answer_warm', max_wait: 1 } } },
  });
  const answer = await ask(router.url, { query: CODE, explain: true });
  expect(answer.module_used).toBe('foundation');
  expect(answer.metadata).toMatchObject({ explanation: { plan: { wake_module_ids: ['web-development'] } } });
  await eventually(() => router.loader.activations.includes('web-development'), {
    what: 'the right module to be started',
  });
});

it('no module is started beside an answer that was given before', async () => {
  const router = await startTestRouter(fiveModules(), {
    router: { cache: { enabled: true }, selection: { cold_start: { policy: 'answer_warm', max_wait: 1 } } },
  });
  await ask(router.url, { query: CODE });
  router.loader.publish(router.view('web-development', false));
  await eventually(async () => {
    const { metadata } = await ask(router.url, { query: CODE, explain: true });
    return JSON.stringify(metadata).includes('"wake_module_ids":["web-development"]');
  });
  expect((await ask(router.url, { query: CODE })).metadata).toMatchObject({ cache_hit: true });
  expect(router.loader.activations).toEqual([]);
  await ask(router.url, { query: `${CODE} of words` });
  await eventually(() => router.loader.activations.includes('web-development'));
});

it('a session stays at one of several equal modules, and the numbers that decided are told', async () => {
  const equals = ['a', 'b', 'c', 'd'].map((id): TestModule => ({
    spec: { module_id: id, query_classes: ['GENERAL'] },
    behaviour: answering(id),
  }));
  const router = await startTestRouter(equals, { router: { selection: { exploration: { share: 0 } } } });
  const homes = new Set<string>();
  for (const session_id of ['one', 'two', 'three', 'four', 'five', 'six']) {
    const [home, ...others] = await Promise.all(
      [1, 2, 3].map(async () => (await ask(router.url, { query: 'Who wrote Hamlet?', session_id })).module_used),
    );
    expect(others).toEqual([home, home]);
    homes.add(home ?? '');
  }
  expect(homes.size).toBeGreaterThan(1);
  const { metadata } = await ask(router.url, { query: 'Who wrote Hamlet?', explain: true });
  expect(metadata).toMatchObject({
    explanation: { plan: { steps: [{ factors: { quality: expect.any(Number), latency: 1, cost: 1 } }, {}, {}] } },
  });
});

it('outcomes are logged for replay, without the words of the query', async () => {
  const file = join(tempFolder('outcomes'), 'outcomes.jsonl');
  const router = await startTestRouter(fiveModules(), { router: { selection: { outcome_log: file } } });
  await ask(router.url, { query: CODE });
  const [line = ''] = readFileSync(file, 'utf8').split('\n');
  expect(JSON.parse(line)).toMatchObject({
    query_class: 'CODE_GENERATION',
    candidates: ['web-development', 'foundation'],
    module_id: 'web-development',
    accepted: true,
  });
  expect(line).not.toContain('Python');
});

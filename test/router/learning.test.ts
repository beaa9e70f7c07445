import { expect, it } from '@jest/globals';
import { ask, get } from '../support/http-api.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { answering } from './five-modules.ts';
import { startTestRouter, type TestModule, type TestRouter } from './router-harness.ts';

const CODE = 'Write a Python function that reverses a string';

/** Two modules of a class, of which the one that comes first by name gives the worse answers. */
const CODERS: readonly TestModule[] = [
  { spec: { module_id: 'a-poor', query_classes: ['CODE_GENERATION'] }, behaviour: answering('a-poor', 0.4) },
  { spec: { module_id: 'b-good', query_classes: ['CODE_GENERATION'] }, behaviour: answering('b-good', 0.95) },
];
const exploring = (share: number, more: object = {}): object => ({
  router: { selection: { exploration: { share, ...more } } },
});

interface Stats {
  readonly modules: readonly { readonly module_id: string; readonly classes: Record<string, { outcomes?: number }> }[];
  readonly strategies: Record<string, Record<string, { readonly outcomes: number; readonly delay: number }>>;
}
const statsOf = async ({ url }: TestRouter): Promise<Stats> => (await get<Stats>(`${url}/fallback/stats`)).body;
const outcomesOf = async (router: TestRouter, moduleId: string): Promise<number> => {
  const known = (await statsOf(router)).modules.find(({ module_id }) => module_id === moduleId);
  return known?.classes['CODE_GENERATION']?.outcomes ?? 0;
};

it('exploration finds the better module, and what was learned outlives the router', async () => {
  const dataDir = tempFolder('learning');
  const router = await startTestRouter(CODERS, exploring(1), { dataDir });
  for (let at = 0; at < 60; at += 1) await ask(router.url, { query: `${CODE} ${at}` });
  const [poor, good] = [await outcomesOf(router, 'a-poor'), await outcomesOf(router, 'b-good')];
  expect(poor + good).toBe(60);
  expect(good).toBeGreaterThan(poor);
  await router.stop();

  // No exploration: without what was learned the first by name would answer.
  const again = await startTestRouter(CODERS, exploring(0), { dataDir });
  expect([await outcomesOf(again, 'a-poor'), await outcomesOf(again, 'b-good')]).toEqual([poor, good]);
  expect((await ask(again.url, { query: CODE })).module_used).toBe('b-good');
});

it('exploration leaves critical queries and excluded tenants alone', async () => {
  const spared = await startTestRouter(CODERS, exploring(1, { excluded_tenants: ['default'] }));
  const always = await startTestRouter(CODERS, exploring(1));
  const explores = async ({ url }: TestRouter, more: object = {}): Promise<boolean> => {
    const { metadata } = await ask(url, { query: CODE, explain: true, ...more });
    return (metadata as unknown as { explanation: { plan: { explores: boolean } } }).explanation.plan.explores;
  };
  expect(await explores(always)).toBe(true);
  expect(await explores(always, { priority: 'critical' })).toBe(false);
  expect(await explores(spared)).toBe(false);
});

it('what the adaptive strategy has learned is told, and outlives the router', async () => {
  const dataDir = tempFolder('strategies');
  const router = await startTestRouter(CODERS, { router: { strategy: 'adaptive' } }, { dataDir });
  for (let at = 0; at < 25; at += 1) await ask(router.url, { query: `${CODE} ${at}` });
  const { strategies } = await statsOf(router);
  const counts = Object.values(strategies['CODE_GENERATION'] ?? {}).map(({ outcomes }) => outcomes);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(25);
  expect(strategies['CODE_GENERATION']?.['sequential']?.outcomes).toBeGreaterThanOrEqual(20);
  await router.stop();
  const again = await startTestRouter(CODERS, { router: { strategy: 'adaptive' } }, { dataDir });
  expect((await statsOf(again)).strategies).toEqual(strategies);
});

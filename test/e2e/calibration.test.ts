import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startFaultSystem, type FaultSystem } from '../faults/fault-system.ts';
import { ask, get, post, type RouteAnswer } from '../support/http-api.ts';
import { runFrontier } from '../support/run-frontier.ts';

const JUDGEMENTS = 40;

let system: FaultSystem;
beforeAll(async () => {
  system = await startFaultSystem({ args: ['--mesh', 'proxyless'] });
}, 90_000);
afterAll(() => system.frontier.stop(), 60_000);

interface Scored extends RouteAnswer {
  readonly metadata: RouteAnswer['metadata'] & {
    readonly request_id: string;
    readonly confidence: { readonly score: number; readonly raw_score: number };
  };
}
interface Stats {
  readonly modules: readonly {
    readonly module_id: string;
    readonly classes: Record<
      string,
      { readonly calibration?: { judgements: number; error_before: number; error_after: number } }
    >;
  }[];
}

const askPrimary = async (at: number): Promise<Scored> =>
  (await ask(system.frontier.url, { query: `Who was the ${at}th king of France?`, module_id: 'primary' })) as Scored;
const judge = async ({ metadata }: Scored, rating: number): Promise<number> => {
  const body = { request_id: metadata.request_id, rating };
  const reply = await fetch(`${system.frontier.url}/api/v1/feedback`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return reply.status;
};

it("users' judgements bring a module's confidence to what its answers are worth, and the next module's answers are taken", async () => {
  const before = await askPrimary(0);
  expect(before.metadata.confidence.score).toBeCloseTo(before.metadata.confidence.raw_score);
  expect(before.metadata.confidence.score).toBeGreaterThan(0.6);

  for (let at = 1; at <= JUDGEMENTS; at += 1) expect(await judge(await askPrimary(at), 0)).toBe(204);

  const after = await post<Scored & { readonly reason?: string }>(`${system.frontier.url}/api/v1/route`, {
    query: 'Who was the last king of France?',
  });
  expect(after.body.module_used).toBe('secondary');

  const { body } = await get<Stats>(`${system.frontier.url}/fallback/stats`);
  const classes = Object.values(body.modules.find(({ module_id }) => module_id === 'primary')?.classes ?? {});
  const judged = classes.flatMap(({ calibration }) => calibration ?? []);
  expect(judged.reduce((sum, { judgements }) => sum + judgements, 0)).toBe(JUDGEMENTS);
  for (const { error_before, error_after } of judged.filter(({ judgements }) => judgements > JUDGEMENTS / 2))
    expect(error_after).toBeLessThan(error_before / 2);

  const shown = await runFrontier(['fallback', 'stats', '--url', system.frontier.url]);
  expect(shown.stdout).toMatch(/ERROR BEFORE CALIBRATION/);
}, 120_000);

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { QueryClass } from '../../core/config/schema.ts';
import { createSeededRng } from '../../core/rng.ts';
import { betaSample } from './beta-sample.ts';
import type { ClassHistory, ModuleStatus } from './module-status.ts';
import { plan } from './plan.ts';
import type { SelectionPolicy } from './selection-policy.ts';
import { ANYBODY, classified, mapOf, policyWith, query, status } from './testing/planning.ts';

const CODE = classified('CODE_GENERATION', 0.95);

function history(more: Partial<ClassHistory>): Map<QueryClass, ClassHistory> {
  return new Map([['CODE_GENERATION', { count: 50, successRate: 1, confidence: 0.8, latencyMs: 500, ...more }]]);
}

const coder = (id: string, more: Partial<ModuleStatus> = {}): ModuleStatus =>
  status({ module_id: id, query_classes: ['CODE_GENERATION'] }, more);

const firstOf = (statuses: Map<string, ModuleStatus>, selection?: Partial<SelectionPolicy>, asked = query()) =>
  plan(asked, CODE, statuses, ANYBODY, policyWith(selection)).steps[0]?.moduleId;

describe('among modules of a class, other things equal, the first is', () => {
  it.each<[string, Partial<ModuleStatus>, Partial<ModuleStatus>]>([
    [
      'the one that answers better',
      { history: history({ confidence: 0.9 }) },
      { history: history({ confidence: 0.6 }) },
    ],
    ['the faster one', { history: history({ latencyMs: 900 }) }, { history: history({ latencyMs: 20_000 }) }],
    ['the less loaded one', { inFlight: 1 }, { inFlight: 30 }],
    ['the one that is ready', {}, { readyReplicas: 0, state: 'UNLOADED' }],
    [
      'the one that is ready sooner',
      { readyReplicas: 0, expectedActivationMs: 1_000 },
      { readyReplicas: 0, expectedActivationMs: 30_000 },
    ],
  ])('%s', (_what, better, worse) => {
    // Under either name, so that it is not the order of the ids that decides.
    expect(firstOf(mapOf(coder('a', better), coder('b', worse)))).toBe('a');
    expect(firstOf(mapOf(coder('a', worse), coder('b', better)))).toBe('b');
  });

  it('the cheaper one', () => {
    const priced = (id: string, per_request: number) =>
      status({ module_id: id, query_classes: ['CODE_GENERATION'], price: { per_request } });
    expect(firstOf(mapOf(priced('a', 3), priced('b', 1)))).toBe('b');
  });

  it('what the weights say: quality alone, or cost alone', () => {
    const good = status(
      { module_id: 'good', query_classes: ['CODE_GENERATION'], price: { per_request: 9 } },
      { history: history({ confidence: 0.9 }) },
    );
    const cheap = status(
      { module_id: 'cheap', query_classes: ['CODE_GENERATION'], price: { per_request: 1 } },
      { history: history({ confidence: 0.5 }) },
    );
    const none = { quality: 0, latency: 0, cost: 0, load: 0, readiness: 0 };
    expect(firstOf(mapOf(good, cheap), { weights: { ...none, quality: 1 } })).toBe('good');
    expect(firstOf(mapOf(good, cheap), { weights: { ...none, cost: 1 } })).toBe('cheap');
  });
});

describe('a session', () => {
  const four = mapOf(coder('a'), coder('b'), coder('c'), coder('d'));
  const sessions = Array.from({ length: 200 }, (_, at) => `session-${at}`);
  const homes = (statuses: Map<string, ModuleStatus>) =>
    sessions.map((sessionId) => firstOf(statuses, {}, query({ sessionId })));

  it('stays at its module, and sessions spread over the modules', () => {
    expect(homes(four)).toEqual(homes(four));
    const counts = ['a', 'b', 'c', 'd'].map((id) => homes(four).filter((home) => home === id).length);
    for (const count of counts) expect(count).toBeGreaterThan(25);
  });

  it('moves only if its own module goes', () => {
    const before = homes(four);
    const after = homes(mapOf(coder('a'), coder('b'), coder('c')));
    for (const [at, home] of before.entries()) if (home !== 'd') expect(after[at]).toBe(home);
  });

  it('leaves a module that is clearly worse', () => {
    const worse = mapOf(
      coder('a', { history: history({ confidence: 0.9 }) }),
      coder('b', { history: history({ confidence: 0.3 }) }),
    );
    expect(new Set(homes(worse))).toEqual(new Set(['a']));
  });
});

describe('when the right module is not loaded', () => {
  const cold = coder('cold', { readyReplicas: 0, state: 'UNLOADED', expectedActivationMs: 20_000 });
  const general = status({ module_id: 'general', query_classes: ['GENERAL'] });
  const made = (coldStart: SelectionPolicy['coldStart'], statuses = mapOf(cold, general)) =>
    plan(query(), CODE, statuses, ANYBODY, policyWith({ coldStart }));

  it('it is waited for, by default', () => {
    expect(made({ policy: 'wait', maxWaitMs: 3_000 })).toMatchObject({ steps: [{ moduleId: 'cold' }, {}], wake: [] });
  });

  it('a warm one answers while it is started, when policy says so', () => {
    const plan = made({ policy: 'answer_warm', maxWaitMs: 3_000 });
    expect(plan).toMatchObject({ steps: [{ moduleId: 'general' }, { moduleId: 'cold' }], wake: ['cold'] });
  });

  it('it is waited for when it is ready soon, or nobody is warm', () => {
    const policy = { policy: 'answer_warm', maxWaitMs: 30_000 } as const;
    expect(made(policy)).toMatchObject({ steps: [{ moduleId: 'cold' }, {}], wake: [] });
    expect(made({ ...policy, maxWaitMs: 1 }, mapOf(cold))).toMatchObject({ steps: [{ moduleId: 'cold' }], wake: [] });
  });
});

describe('exploration', () => {
  const known = coder('known', { history: history({ count: 500, confidence: 0.9 }) });
  const young = coder('young', { history: history({ count: 1, confidence: 0.6 }) });
  const statuses = mapOf(known, young);
  const share = (selection: Partial<SelectionPolicy>, more: Parameters<typeof query>[0] = {}) => {
    const ids = Array.from({ length: 2_000 }, (_, at) => `request-${at}`);
    return (
      ids.filter((requestId) => firstOf(statuses, selection, query({ requestId, ...more })) === 'young').length /
      ids.length
    );
  };
  const always = { share: 1, excludedTenants: new Set<string>() };

  it('tries a module that is little known, though not as often as the one that is known to be good', () => {
    const tried = share({ exploration: always });
    expect(tried).toBeGreaterThan(0.02);
    expect(tried).toBeLessThan(0.4);
  });

  it('is bounded by its share, and says when it happens', () => {
    expect(share({ exploration: { ...always, share: 0 } })).toBe(0);
    expect(share({ exploration: { ...always, share: 0.1 } })).toBeLessThan(0.1);
    const plans = Array.from({ length: 1_000 }, (_, at) =>
      plan(
        query({ requestId: `${at}` }),
        CODE,
        statuses,
        ANYBODY,
        policyWith({ exploration: { ...always, share: 0.1 } }),
      ),
    );
    expect(plans.filter(({ explores }) => explores).length / plans.length).toBeCloseTo(0.1, 1);
  });

  it('spares critical queries and tenants that are left out', () => {
    expect(share({ exploration: always }, { priority: 'critical' })).toBe(0);
    expect(share({ exploration: { share: 1, excludedTenants: new Set([ANYBODY.tenant]) } })).toBe(0);
  });

  it('gives the same plan for the same query', () => {
    fc.assert(
      fc.property(fc.string(), (requestId) => {
        const made = () => plan(query({ requestId }), CODE, statuses, ANYBODY, policyWith({ exploration: always }));
        expect(made()).toEqual(made());
      }),
    );
  });
});

it('the Beta distribution has its mean and variance', () => {
  const rng = createSeededRng(7);
  for (const [a, b] of [
    [0.5, 0.5],
    [2.5, 2.5],
    [40, 10],
  ] as const) {
    const draws = Array.from({ length: 20_000 }, () => betaSample(a, b, rng));
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
    const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length;
    expect(mean).toBeCloseTo(a / (a + b), 1);
    expect(variance / ((a * b) / ((a + b) ** 2 * (a + b + 1)))).toBeCloseTo(1, 1);
  }
});

it('a query that is longer than a module takes goes to another', () => {
  const short = status({
    module_id: 'short',
    query_classes: ['CODE_GENERATION'],
    capabilities: { context_tokens: 100 },
  });
  const long = status({ module_id: 'long' });
  const asked = query({ text: 'x'.repeat(1_000) });
  const made = plan(
    asked,
    CODE,
    mapOf({ ...short, spec: { ...short.spec, fallbacks: ['long'] } }, long),
    ANYBODY,
    policyWith({}),
  );
  expect(made.steps.map(({ moduleId }) => moduleId)).toEqual(['long']);
  expect(made.exclusions).toMatchObject([{ moduleId: 'short', reason: 'QUERY_TOO_LARGE' }]);
});

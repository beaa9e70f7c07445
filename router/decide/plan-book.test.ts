import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { QUERY_CLASSES, type QueryClass } from '../../core/config/schema.ts';
import type { Classification } from '../classification/classifier.ts';
import type { Principal } from '../domain/principal.ts';
import type { Query } from '../domain/query.ts';
import { explain } from './explain.ts';
import type { ClassHistory, ModuleStatus } from './module-status.ts';
import { createPlanBook } from './plan-book.ts';
import { plan, type Plan, type PlanPolicy } from './plan.ts';
import { ANYBODY, classified, mapOf, policyWith, query, status } from './testing/planning.ts';

const IDS = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
const classes = fc.constantFrom(...QUERY_CLASSES);
const fraction = fc.integer({ min: 0, max: 10 }).map((tenths) => tenths / 10);
const price = fc.record(
  { per_request: fraction, per_1k_prompt_tokens: fraction, per_1k_completion_tokens: fraction },
  { requiredKeys: [] },
);

/** What may change of a status while its map stays the same. */
const standing = fc.record({
  readyReplicas: fc.integer({ min: 0, max: 2 }),
  expectedActivationMs: fc.option(fc.integer({ min: 0, max: 9_000 }), { nil: undefined }),
  inFlight: fc.integer({ min: 0, max: 80 }),
  inFlightLimit: fc.constantFrom(undefined, undefined, 5, 40),
  breakerAdmits: fc.boolean(),
  breakerRetryMs: fc.option(fc.integer({ min: 0, max: 900 }), { nil: undefined }),
  cooldownMs: fc.constantFrom(0, 0, 0, 500),
  state: fc.constantFrom('READY', 'UNLOADED', 'FAILED'),
  share: fc.constantFrom(
    undefined,
    undefined,
    undefined,
    { fraction: 0.5, reason: 'slow_start' as const },
    { fraction: 0.2, reason: 'drifting' as const },
  ),
  history: fc
    .uniqueArray(
      fc.tuple(
        classes,
        fc.record({
          count: fc.integer({ min: 0, max: 90 }),
          successRate: fraction,
          confidence: fraction,
          latencyMs: fc.integer({ min: 0, max: 20_000 }),
        }),
      ),
      { selector: ([name]) => name },
    )
    .map((entries) => new Map<QueryClass, ClassHistory>(entries)),
}) satisfies fc.Arbitrary<Partial<ModuleStatus>>;

const moduleOf = (id: string): fc.Arbitrary<ModuleStatus> =>
  fc
    .record({
      spec: fc.record({
        module_id: fc.constant(id),
        query_classes: fc.uniqueArray(classes, { maxLength: 3 }),
        fallbacks: fc.uniqueArray(fc.constantFrom(...IDS, 'nobody'), { maxLength: 3 }),
        price,
        confidence_threshold: fraction,
        capabilities: fc.record(
          {
            media_types: fc.constantFrom<string[]>([], ['image/*'], ['*/*']),
            requires_attachment: fc.boolean(),
            context_tokens: fc.constantFrom(3, 10_000),
          },
          { requiredKeys: [] },
        ),
      }),
      standing,
    })
    .map(({ spec, standing: more }) => status(spec, more));

const modules = fc.tuple(...IDS.map(moduleOf)).chain((all) => fc.shuffledSubarray(all));

const asked: fc.Arbitrary<Query> = fc
  .record(
    {
      requestId: fc.string(),
      text: fc.constantFrom('hello', 'x'.repeat(400)),
      sessionId: fc.constantFrom('', '', 's1', 's2', 's3'),
      maxCost: fc.constantFrom(undefined, 0.4),
      attachments: fc.constantFrom(
        [],
        [{ mediaType: 'image/png', name: '', source: { kind: 'uri' as const, uri: 'x:' } }],
      ),
      parameters: fc.constantFrom(undefined, { max_tokens: 2_000 }),
      explain: fc.boolean(),
      priority: fc.constantFrom('normal' as const, 'critical' as const),
      strategy: fc.constantFrom('hedged' as const, 'parallel' as const),
      moduleId: fc.constantFrom(undefined, undefined, undefined, 'a'),
      mayFallBack: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  .map((more) => query(more as Partial<Query>));

const judged: fc.Arbitrary<Classification> = fc
  .tuple(classes, classes, fraction)
  .map(([first, second, probability]) => classified(first, probability, first === second ? 'GENERAL' : second));

const policies: fc.Arbitrary<PlanPolicy> = fc
  .record({
    share: fc.constantFrom(0, 0, 0.5),
    weights: fc.record({ quality: fraction, latency: fraction, cost: fraction, load: fraction, readiness: fraction }),
    coldStart: fc.record({
      policy: fc.constantFrom('wait' as const, 'answer_warm' as const),
      maxWaitMs: fc.integer({ min: 0, max: 9_000 }),
    }),
    affinityTolerance: fraction,
    maxAttempts: fc.integer({ min: 1, max: 5 }),
    confidenceThreshold: fraction,
  })
  .map(({ share, weights, coldStart, affinityTolerance, ...more }) => ({
    ...policyWith({
      weights,
      coldStart,
      affinityTolerance,
      exploration: { share, excludedTenants: new Set(['spared']) },
    }),
    ...more,
  }));

const principals: fc.Arbitrary<Principal> = fc.constantFrom(
  ANYBODY,
  { ...ANYBODY, tenant: 'spared' },
  { ...ANYBODY, modules: new Set(['b', 'c', 'e']) },
);

/** A plan as a value, or why there is none. */
function outcomeOf(make: () => Plan): unknown {
  try {
    const made = make();
    const { steps, abstained, strategy, exclusions, explores, wake } = made;
    return { steps, abstained, strategy, exclusions, explores, wake };
  } catch (thrown) {
    return String(thrown);
  }
}

/** One more query, after some of a module's status has changed. */
const moves = fc.array(
  fc.record({
    query: asked,
    classification: judged,
    principal: principals,
    change: fc.option(fc.tuple(fc.nat(5), standing), { nil: undefined }),
    replaced: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
);

describe('a plan book', () => {
  it('gives the plan that planning anew gives, whatever came before', () => {
    fc.assert(
      fc.property(modules, policies, moves, (start, policy, all) => {
        const book = createPlanBook(policy);
        let statuses = mapOf(...start);
        for (const { query: each, classification, principal, change, replaced } of all) {
          const changed = change === undefined ? undefined : start[change[0]];
          if (changed !== undefined) Object.assign(changed, change?.[1]);
          if (replaced) statuses = new Map([...statuses].reverse());
          const anew = outcomeOf(() => plan(each, classification, statuses, principal, policy));
          expect(outcomeOf(() => book(each, classification, statuses, principal))).toEqual(anew);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('explains it alike', () => {
    fc.assert(
      fc.property(modules, policies, asked, judged, principals, (start, policy, each, classification, principal) => {
        fc.pre(each.moduleId === undefined);
        const statuses = mapOf(...start);
        const own = createPlanBook(policy)(each, classification, statuses, principal);
        const anew = plan(each, classification, statuses, principal, policy);
        expect(explain({ classification, plan: own }, policy, []).summary).toBe(
          explain({ classification, plan: anew }, policy, []).summary,
        );
      }),
    );
  });

  it('keeps to a module that has come to be in use, and to one that was', () => {
    const [a, b] = [
      status({ module_id: 'a', query_classes: ['GENERAL'] }),
      status({ module_id: 'b', query_classes: ['GENERAL'] }),
    ];
    const book = createPlanBook(policyWith());
    const statuses = mapOf(a, b);
    const firstOf = () => book(query(), classified('GENERAL', 0.9), statuses, ANYBODY).steps[0]?.moduleId;
    expect(firstOf()).toBe('a');
    Object.assign(a, { inFlight: 30 });
    expect(firstOf()).toBe('b');
    Object.assign(a, { inFlight: 0 });
    expect(firstOf()).toBe('a');
  });
});

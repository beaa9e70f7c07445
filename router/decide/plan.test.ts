import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { QUERY_CLASSES, type QueryClass } from '../../core/config/schema.ts';
import type { Classification } from '../classification/classifier.ts';
import type { Principal } from '../domain/principal.ts';
import type { Query } from '../domain/query.ts';
import type { ModuleStatus } from './module-status.ts';
import { plan, requireSteps } from './plan.ts';
import { ANYBODY, classified, mapOf, policyWith, query, status } from './testing/planning.ts';

const POLICY = policyWith();
const idsOf = (
  statuses: Map<string, ModuleStatus>,
  classification: Classification,
  asked = query(),
  principal = ANYBODY,
): string[] => plan(asked, classification, statuses, principal, POLICY).steps.map(({ moduleId }) => moduleId);

const general = status({ module_id: 'general', query_classes: ['GENERAL'] });
const code = status({ module_id: 'code', query_classes: ['CODE_GENERATION'], fallbacks: ['helper'] });
const helper = status({ module_id: 'helper' });
const CODE = classified('CODE_GENERATION', 0.95);

describe('the order of a plan', () => {
  it('is the modules of the class, their fallbacks, then GENERAL', () => {
    expect(idsOf(mapOf(general, helper, code), CODE)).toEqual(['code', 'helper', 'general']);
  });

  it('begins with GENERAL when the classifier is unsure, the runner-up next', () => {
    expect(idsOf(mapOf(general, helper, code), classified('CODE_GENERATION', 0.6))).toEqual([
      'general',
      'code',
      'helper',
    ]);
    expect(idsOf(mapOf(general, helper, code), classified('GENERAL', 0.5, 'CODE_GENERATION'))).toEqual([
      'general',
      'code',
      'helper',
    ]);
  });

  it('prefers the module of a class that has answered better', () => {
    const history = (
      confidence: number,
    ): Map<QueryClass, { count: number; successRate: number; confidence: number; latencyMs: number }> =>
      new Map([['CODE_GENERATION', { count: 50, successRate: 1, confidence, latencyMs: 1 }]]);
    const worse = status({ module_id: 'a', query_classes: ['CODE_GENERATION'] }, { history: history(0.4) });
    const better = status({ module_id: 'b', query_classes: ['CODE_GENERATION'] }, { history: history(0.9) });
    expect(idsOf(mapOf(worse, better), CODE)).toEqual(['b', 'a']);
  });

  it('prefers a ready module among equals', () => {
    const cold = status(
      { module_id: 'a', query_classes: ['CODE_GENERATION'] },
      { readyReplicas: 0, state: 'UNLOADED' },
    );
    const warm = status({ module_id: 'b', query_classes: ['CODE_GENERATION'] });
    expect(idsOf(mapOf(cold, warm), CODE)).toEqual(['b', 'a']);
  });

  it('puts a module to the end whose answers are mostly rejected, or which cannot be started', () => {
    const rejected = {
      ...code,
      history: new Map([['CODE_GENERATION' as const, { count: 20, successRate: 0.5, confidence: 0.9, latencyMs: 1 }]]),
    };
    expect(idsOf(mapOf(general, helper, rejected), CODE)).toEqual(['helper', 'general', 'code']);
    expect(idsOf(mapOf(general, helper, { ...code, state: 'FAILED', readyReplicas: 0 }), CODE)).toEqual([
      'helper',
      'general',
      'code',
    ]);
  });

  it('is the asked module alone when one is named', () => {
    expect(idsOf(mapOf(general, helper, code), CODE, query({ moduleId: 'helper' }))).toEqual(['helper']);
  });

  it('has expected wait and cost in it', () => {
    const priced = status(
      {
        module_id: 'code',
        query_classes: ['CODE_GENERATION'],
        price: { per_request: 1, per_1k_completion_tokens: 10 },
      },
      { readyReplicas: 0, expectedActivationMs: 2_500 },
    );
    const made = plan(query({ parameters: { max_tokens: 100 } }), CODE, mapOf(priced), ANYBODY, POLICY);
    expect(made.steps).toEqual([
      {
        moduleId: 'code',
        score: expect.closeTo(0.6 * 0.5 + 0.15 + 0.1 + 0.1 + 0.05 * (2 / 3)),
        factors: { quality: 0.5, latency: 1, cost: 1, load: 1, readiness: 5 / 7.5 },
        ready: false,
        confidenceThreshold: 0.3,
        expectedCost: 2,
        expectedWaitMs: 2_500,
      },
    ]);
  });
});

describe('who is left out', () => {
  const image = { mediaType: 'image/png', source: { kind: 'uri', uri: 'https://host/a.png' }, name: '' } as const;
  it.each<[string, ModuleStatus, Partial<Query>, Principal, string, string]>([
    [
      'a module that the roles do not allow',
      code,
      {},
      { ...ANYBODY, modules: new Set(['general']) },
      'PERMISSION_DENIED',
      'PERMISSION_DENIED',
    ],
    [
      'a module that takes no attachments',
      code,
      { attachments: [image] },
      ANYBODY,
      'UNSUPPORTED_MEDIA_TYPE',
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [
      'a module that needs an attachment',
      status({ module_id: 'code', query_classes: ['CODE_GENERATION'], capabilities: { requires_attachment: true } }),
      {},
      ANYBODY,
      'ATTACHMENT_REQUIRED',
      'INVALID_FIELD',
    ],
    [
      'a module that costs too much',
      status({ module_id: 'code', query_classes: ['CODE_GENERATION'], price: { per_request: 2 } }),
      { maxCost: 1 },
      ANYBODY,
      'COST_CEILING',
      'COST_CEILING',
    ],
    ['a module whose breaker is open', { ...code, breakerAdmits: false }, {}, ANYBODY, 'BREAKER_OPEN', 'BREAKER_OPEN'],
    ['a module that is full', { ...code, inFlight: 36 }, {}, ANYBODY, 'MODULE_OVERLOADED', 'MODULE_OVERLOADED'],
  ])('%s', (_case, one, asked, principal, exclusion, reason) => {
    const made = plan(query(asked), CODE, mapOf(one), principal, POLICY);
    expect(made.steps).toEqual([]);
    expect(made.exclusions).toMatchObject([{ moduleId: 'code', reason: exclusion }]);
    expect(() => requireSteps(made)).toThrow(expect.objectContaining({ reason }));
  });

  it('is told as NO_ELIGIBLE_MODULE when the reasons differ', () => {
    const made = plan(
      query(),
      CODE,
      mapOf({ ...code, breakerAdmits: false }, { ...general, inFlight: 99 }),
      ANYBODY,
      POLICY,
    );
    expect(() => requireSteps(made)).toThrow(expect.objectContaining({ reason: 'NO_ELIGIBLE_MODULE' }));
  });

  it('an unknown module is an error of its own', () => {
    expect(() => plan(query({ moduleId: 'nobody' }), CODE, mapOf(code), ANYBODY, POLICY)).toThrow(
      expect.objectContaining({ reason: 'MODULE_UNKNOWN' }),
    );
  });
});

describe('for all states', () => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
  const anyStatus = (id: string): fc.Arbitrary<ModuleStatus> =>
    fc
      .record({
        classes: fc.subarray([...QUERY_CLASSES]),
        fallbacks: fc.subarray(ids.filter((other) => other !== id)),
        ready: fc.boolean(),
        breakerAdmits: fc.boolean(),
        inFlight: fc.integer({ min: 0, max: 50 }),
        price: fc.integer({ min: 0, max: 3 }),
        failed: fc.boolean(),
      })
      .map(({ classes, fallbacks, ready, breakerAdmits, inFlight, price, failed }) =>
        status(
          { module_id: id, query_classes: classes, fallbacks, price: { per_request: price } },
          { readyReplicas: ready ? 1 : 0, state: failed ? 'FAILED' : 'READY', breakerAdmits, inFlight },
        ),
      );
  const worlds = fc.tuple(...ids.map(anyStatus)).map((all) => mapOf(...all));
  const classifications = fc
    .tuple(fc.constantFrom(...QUERY_CLASSES), fc.double({ min: 0.3, max: 1, noNaN: true }))
    .map(([queryClass, probability]) =>
      classified(queryClass, probability, queryClass === 'GENERAL' ? 'MULTIMODAL' : 'GENERAL'),
    );
  const principals = fc
    .option(fc.subarray(ids), { nil: undefined })
    .map((modules): Principal => ({ ...ANYBODY, modules: modules === undefined ? undefined : new Set(modules) }));
  const queries = fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }).map((maxCost) => query({ maxCost }));

  it('a plan names each module at most once, no more than allowed, never an excluded one, and is always the same', () => {
    fc.assert(
      fc.property(worlds, classifications, principals, queries, (statuses, classification, principal, asked) => {
        const made = plan(asked, classification, statuses, principal, POLICY);
        const steps = made.steps.map(({ moduleId }) => moduleId);
        expect(new Set(steps).size).toBe(steps.length);
        expect(steps.length).toBeLessThanOrEqual(POLICY.maxAttempts);
        for (const { moduleId } of made.exclusions) expect(steps).not.toContain(moduleId);
        for (const moduleId of steps) {
          const one = statuses.get(moduleId)!;
          expect(one.breakerAdmits).toBe(true);
          expect(principal.modules?.has(moduleId) ?? true).toBe(true);
          if (asked.maxCost !== undefined) expect(one.spec.price.per_request).toBeLessThanOrEqual(asked.maxCost);
        }
        expect(plan(asked, classification, statuses, principal, POLICY)).toEqual(made);
      }),
    );
  });

  it('a query gets a step whenever some module of its class or of GENERAL can answer', () => {
    fc.assert(
      fc.property(worlds, classifications, (statuses, classification) => {
        const made = plan(query(), classification, statuses, ANYBODY, POLICY);
        const able = [...statuses.values()].some(
          ({ spec, breakerAdmits, readyReplicas, inFlight }) =>
            breakerAdmits &&
            (readyReplicas === 0 || inFlight < 36) &&
            (spec.query_classes.includes('GENERAL') || spec.query_classes.includes(classification.queryClass)),
        );
        if (able) expect(made.steps).not.toEqual([]);
      }),
    );
  });
});

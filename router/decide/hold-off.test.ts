import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { explain } from './explain.ts';
import { heldOff, takesPart } from './hold-off.ts';
import type { ModuleStatus, Share } from './module-status.ts';
import { plan } from './plan.ts';
import { ANYBODY, classified, mapOf, policyWith, query, status } from './testing/planning.ts';

const SURE = classified('GENERAL', 1);
const general = (id: string, more: Partial<ModuleStatus> = {}): ModuleStatus =>
  status({ module_id: id, query_classes: ['GENERAL'] }, more);
const shareOf = (fraction: number, reason: Share['reason'] = 'slow_start'): { share: Share } => ({
  share: { fraction, reason },
});
const planned = (requestId: string, ...statuses: ModuleStatus[]) =>
  plan({ ...query(), requestId }, SURE, mapOf(...statuses), ANYBODY, policyWith());

describe('a module with a share', () => {
  it('takes about as many queries as its share has it, and each query always or never', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(), (fraction, seed) => {
        const module = general('a', shareOf(fraction));
        const ids = Array.from({ length: 2_000 }, (_, at) => `${seed}-${at}`);
        const taken = ids.filter((id) => takesPart(module, id));
        expect(Math.abs(taken.length / ids.length - fraction)).toBeLessThan(0.06);
        expect(ids.filter((id) => takesPart(module, id))).toEqual(taken);
      }),
    );
  });

  it('takes no less when its share rises: what was its stays its', () => {
    fc.assert(
      fc.property(fc.string(), fc.double({ min: 0, max: 1, noNaN: true }), (id, fraction) => {
        if (takesPart(general('a', shareOf(fraction / 2)), id))
          expect(takesPart(general('a', shareOf(fraction)), id)).toBe(true);
      }),
    );
  });

  it('is held off only while somebody can stand in, and never is everybody', () => {
    const candidate = fc.record({
      fraction: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
      ready: fc.boolean(),
      drifting: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(candidate, { minLength: 1, maxLength: 5 }), fc.string(), (given, requestId) => {
        const all = given.map(({ fraction, ready, drifting }, at) =>
          general(`m${at}`, {
            readyReplicas: ready ? 1 : 0,
            ...(fraction === undefined ? {} : shareOf(fraction, drifting ? 'drifting' : 'slow_start')),
          }),
        );
        const idle = heldOff(all, requestId, 'GENERAL');
        expect(idle.size).toBeLessThan(all.length);
        if (idle.size > 0) expect(all.some((each) => !idle.has(each) && each.readyReplicas > 0)).toBe(true);
        for (const each of idle) expect(each.share).toBeDefined();
      }),
    );
  });

  it('gets everything when it is alone in its class, however small its share', () => {
    const code = classified('CODE_GENERATION', 1);
    const back = status({ module_id: 'coder', query_classes: ['CODE_GENERATION'] }, shareOf(0));
    const made = plan(query(), code, mapOf(back, general('other')), ANYBODY, policyWith());
    expect(made.steps.map(({ moduleId }) => moduleId)).toEqual(['coder', 'other']);
    // One that is getting worse makes way for whoever is ready.
    const worse = status({ module_id: 'coder', query_classes: ['CODE_GENERATION'] }, shareOf(0, 'drifting'));
    const drained = plan(query(), code, mapOf(worse, general('other')), ANYBODY, policyWith());
    expect(drained.steps.map(({ moduleId, heldOff: held }) => [moduleId, held])).toEqual([
      ['other', undefined],
      ['coder', true],
    ]);
  });

  it('gets what it is asked for by name', () => {
    const made = plan({ ...query(), moduleId: 'a' }, SURE, mapOf(general('a', shareOf(0))), ANYBODY, policyWith());
    expect(made.steps.map(({ moduleId }) => moduleId)).toEqual(['a']);
  });

  it('stands behind its peers in the plan, whose explanation says why', () => {
    const made = planned('r', general('a', shareOf(0)), general('b'));
    expect(made.steps.map(({ moduleId }) => moduleId)).toEqual(['b', 'a']);
    const { summary } = explain({ classification: SURE, plan: made }, policyWith(), []);
    expect(summary).toContain('b, then a (back after a failure, given 0 % of its queries, not this one)');
  });
});

import { describe, expect, it } from '@jest/globals';
import { createManualClock } from '../../core/clock.ts';
import type { Decision } from '../decide/decide.ts';
import { plan } from '../decide/plan.ts';
import { ANYBODY, classified, mapOf, policyWith, query, status } from '../decide/testing/planning.ts';
import { createModuleWait } from './module-wait.ts';

const FOREVER = new AbortController().signal;
const classification = classified('GENERAL', 0.99);
const world = { inFlight: 36, breakerAdmits: true };
const decide = (): Decision => ({
  classification,
  plan: plan(
    query(),
    classification,
    mapOf(status({ module_id: 'm', query_classes: ['GENERAL'] }, world)),
    ANYBODY,
    policyWith(),
  ),
});

describe('a request whose modules are full', () => {
  it('waits for a place, for as long as it may, in a queue that is bounded', async () => {
    const clock = createManualClock();
    const wait = createModuleWait({ clock, size: 1, maxWaitMs: 1_000 });
    const first = wait.untilPlanned(decide, FOREVER);
    await expect(wait.untilPlanned(decide, FOREVER)).rejects.toMatchObject({ reason: 'MODULE_OVERLOADED' });
    await clock.advance(500);
    world.inFlight = 35;
    await clock.advance(100);
    expect((await first).plan.steps).toHaveLength(1);
    world.inFlight = 36;
    const late = wait.untilPlanned(decide, FOREVER);
    const failed = expect(late).rejects.toMatchObject({ reason: 'MODULE_OVERLOADED', retryAfterMs: 1_000 });
    await clock.advance(1_100);
    await failed;
    expect(wait.waiting).toBe(0);
  });

  it('does not wait for what a moment does not mend, nor when its caller is gone', async () => {
    const clock = createManualClock();
    const wait = createModuleWait({ clock, size: 10, maxWaitMs: 1_000 });
    const controller = new AbortController();
    const gone = wait.untilPlanned(decide, controller.signal);
    controller.abort(new Error('gone'));
    await expect(gone).rejects.toThrow('gone');
    world.breakerAdmits = false;
    await expect(wait.untilPlanned(decide, FOREVER)).rejects.toMatchObject({ reason: 'BREAKER_OPEN' });
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createManualClock, type ManualClock } from '../../core/clock.ts';
import { createSeededRng } from '../../core/rng.ts';
import type { Principal } from '../domain/principal.ts';
import type { Priority } from '../domain/priority.ts';
import { createAdmission, type Admission, type AdmissionOptions, type Leave } from './admit.ts';
import { createRateBuckets } from './rate-buckets.ts';

const SOMEBODY: Principal = { tenant: 't', subject: 's', permissions: new Set(['route']), modules: undefined };
const of = (tenant: string): Principal => ({ ...SOMEBODY, tenant });
const NO_QUEUE = { size: 0, maxWaitMs: 1_000, standingWaitMs: 100 };
const QUEUE = { ...NO_QUEUE, size: 10 };
const FOREVER = new AbortController().signal;
const CLAIM = { tenant: 't', priority: 'normal' } as const;

interface Gate extends Admission {
  readonly clock: ManualClock;
  readonly shed: string[];
  /** Lets in at once, or throws. */
  now(tenant?: string, priority?: Priority, userId?: string): Leave;
  /** Lets in at once or after a wait; gives the reason when it does not. */
  later(tenant?: string, priority?: Priority): Promise<Leave | string>;
}

function gateOf(maxConcurrent: number, more: Partial<AdmissionOptions> & { readonly burst?: number } = {}): Gate {
  const clock = createManualClock();
  const shed: string[] = [];
  const admission = createAdmission({
    maxConcurrent,
    buckets: createRateBuckets({ perSecond: 1, size: more.burst ?? 1e9 }, clock),
    clock,
    queue: NO_QUEUE,
    onShed: (priority, reason) => shed.push(`${priority} ${reason}`),
    ...more,
  });
  const gate: Omit<Gate, keyof Admission> = {
    clock,
    shed,
    now(tenant = 't', priority = 'normal', userId = '') {
      const entered = admission.enter(of(tenant), userId, priority, FOREVER);
      if (entered instanceof Promise) throw new Error('it has to wait');
      return entered;
    },
    async later(tenant = 't', priority = 'normal') {
      try {
        return await admission.enter(of(tenant), '', priority, FOREVER);
      } catch (error) {
        return (error as { metadata: Record<string, string> }).metadata['shed'] ?? String(error);
      }
    },
  };
  return Object.assign(Object.create(admission) as Admission, gate);
}

describe('admission without a queue', () => {
  it('sheds what is over the bound, with the time to wait, and lets in again when one has left', () => {
    const gate = gateOf(2);
    const leave = gate.now();
    gate.now();
    expect(() => gate.now()).toThrow(expect.objectContaining({ reason: 'OVERLOADED', retryAfterMs: 1_000 }));
    leave();
    leave();
    expect(gate.inFlight).toBe(1);
    gate.now();
    expect(gate.shed).toEqual(['normal full']);
  });

  it('gives each user a bucket of their own, and each tenant users of their own', () => {
    const gate = gateOf(100, { burst: 1 });
    gate.now('t', 'normal', 'a');
    expect(() => gate.now('t', 'normal', 'a')).toThrow(expect.objectContaining({ reason: 'RATE_LIMITED' }));
    gate.now('t', 'normal', 'b');
    gate.now('other', 'normal', 'a');
  });

  it('keeps a quarter of the places from low priority', () => {
    const gate = gateOf(8);
    for (let count = 0; count < 6; count += 1) gate.now('t', 'low');
    expect(() => gate.now('t', 'low')).toThrow(expect.objectContaining({ reason: 'OVERLOADED', retryAfterMs: 5_000 }));
    gate.now();
    gate.now();
    expect(() => gate.now('t', 'critical')).toThrow(expect.objectContaining({ reason: 'OVERLOADED' }));
  });

  it('lets high priority exceed a limit that was lowered by a tenth, and never the configured one', () => {
    const gate = gateOf(50);
    gate.setLimit(20);
    for (let count = 0; count < 20; count += 1) gate.now();
    expect(() => gate.now()).toThrow(expect.objectContaining({ reason: 'OVERLOADED' }));
    gate.now('t', 'high');
    gate.now('t', 'critical');
    expect(() => gate.now('t', 'critical')).toThrow(expect.objectContaining({ reason: 'OVERLOADED' }));
  });

  it('keeps a quarter of the places from bulk requests', () => {
    const gate = gateOf(8);
    expect(gate.enterBulk(CLAIM, 100)).toBe(6);
    expect(gate.enterBulk(CLAIM, 1)).toBe(0);
    gate.now();
    gate.now();
    expect(() => gate.now()).toThrow(expect.objectContaining({ reason: 'OVERLOADED' }));
    gate.leaveBulk('t', 6);
    expect(gate.inFlight).toBe(2);
  });

  it('gives who waits for bulk places what has come free, nothing after the longest wait, and lets them go with their reason', async () => {
    const gate = gateOf(4);
    gate.enterBulk(CLAIM, 3);
    const woken = gate.waitBulk(CLAIM, 5, 1_000, FOREVER);
    gate.leaveBulk('t', 2);
    expect(await woken).toBe(2);
    const given = gate.waitBulk(CLAIM, 5, 1_000, FOREVER);
    await gate.clock.advance(1_000);
    expect(await given).toBe(0);
    await expect(gate.waitBulk(CLAIM, 1, 1_000, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
    expect(gate.inFlight).toBe(3);
  });
});

describe('the queue', () => {
  it('holds a burst for a moment, and sheds what has waited too long', async () => {
    const gate = gateOf(1, { queue: QUEUE });
    const leave = gate.now();
    const first = gate.later();
    const second = gate.later();
    await gate.clock.advance(500);
    leave();
    expect(typeof (await first)).toBe('function');
    await gate.clock.advance(600);
    expect(await second).toBe('waited');
    expect(gate.waiting).toBe(0);
  });

  it('holds no more than its size, the more important ones', async () => {
    const gate = gateOf(1, { queue: { ...QUEUE, size: 2 } });
    const leave = gate.now();
    const waiting = [gate.later('t', 'normal'), gate.later('t', 'low')];
    expect(await gate.later('t', 'low')).toBe('full');
    const important = gate.later('t', 'high');
    expect(await waiting[1]).toBe('displaced');
    leave();
    expect(typeof (await important)).toBe('function');
    expect(gate.waiting).toBe(1);
  });

  it('lets nobody wait for long once it stands', async () => {
    const gate = gateOf(1, { queue: { ...QUEUE, size: 1000 } });
    gate.now();
    const early = Array.from({ length: 15 }, () => gate.later());
    await gate.clock.advance(500);
    const middle = gate.later();
    await gate.clock.advance(500);
    const late = gate.later();
    await gate.clock.advance(100);
    expect(await late).toBe('waited');
    expect(gate.waiting).toBe(1);
    await gate.clock.advance(500);
    expect(await middle).toBe('waited');
    expect(await Promise.all(early)).toEqual(early.map(() => 'waited'));
  });

  it('forgets who goes away while they wait', async () => {
    const gate = gateOf(1, { queue: QUEUE });
    const leave = gate.now();
    const controller = new AbortController();
    const waiting = gate.enter(SOMEBODY, '', 'normal', controller.signal);
    controller.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    leave();
    expect([gate.inFlight, gate.waiting]).toEqual([0, 0]);
  });
});

interface Tenant {
  readonly name: string;
  readonly weight: number;
  /** Requests that it has under way or waiting at the same time. */
  readonly demand: number;
  readonly priority: Priority;
  accepted: number;
  refused: number;
  open: number;
  /** Places in use, added up over the ticks. */
  used: number;
}

const TICK_MS = 50;

/** Lets tenants ask for as much as they want at the same time, `seconds` long; each request takes `serviceMs` or so. */
async function contend(gate: Gate, tenants: readonly Tenant[], seconds: number, serviceMs: number, seed: number) {
  const rng = createSeededRng(seed);
  const held: { readonly tenant: Tenant; readonly leave: Leave; readonly untilMs: number }[] = [];
  let most = 0;
  const ask = async (tenant: Tenant): Promise<void> => {
    tenant.open += 1;
    const entered = await gate.later(tenant.name, tenant.priority);
    if (typeof entered === 'string') {
      tenant.refused += 1;
      tenant.open -= 1;
    } else {
      tenant.accepted += 1;
      held.push({ tenant, leave: entered, untilMs: gate.clock.monotonicMs() + serviceMs * (0.5 + rng.next()) });
    }
  };
  const ticks = (seconds * 1000) / TICK_MS;
  for (let tick = 0; tick < ticks; tick += 1) {
    for (const tenant of tenants) for (let more = tenant.open; more < tenant.demand; more += 1) void ask(tenant);
    await gate.clock.advance(TICK_MS);
    most = Math.max(most, gate.inFlight);
    for (const { tenant } of held) if (tick > ticks / 2) tenant.used += 1;
    const nowMs = gate.clock.monotonicMs();
    for (const each of held.filter(({ untilMs }) => untilMs <= nowMs)) {
      held.splice(held.indexOf(each), 1);
      each.tenant.open -= 1;
      each.leave();
    }
  }
  await gate.clock.advance(2_000);
  // Whoever leaves may let another one in.
  for (let next = held.pop(); next !== undefined; next = held.pop()) {
    next.leave();
    await gate.clock.advance(0);
  }
  return { most };
}

const tenant = (name: string, weight: number, demand: number, priority: Priority = 'normal'): Tenant => ({
  name,
  weight,
  demand,
  priority,
  accepted: 0,
  refused: 0,
  open: 0,
  used: 0,
});
const fairGate = (places: number, tenants: readonly Tenant[]): Gate =>
  gateOf(places, {
    queue: { ...QUEUE, size: 50 },
    weightOf: (name) => tenants.find((each) => each.name === name)?.weight ?? 1,
  });

describe('fair shares', () => {
  it('keep a quiet tenant from being starved by the flood of another, of whatever priority', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 4, max: 60 }),
        fc.integer({ min: 100, max: 4_000 }),
        fc.constantFrom<Priority>('normal', 'critical'),
        fc.integer({ min: 1, max: 1e6 }),
        async (places, serviceMs, priority, seed) => {
          const flood = tenant('flood', 1, places * 3 + 20, priority);
          const quiet = tenant('quiet', 1, Math.max(1, Math.floor(places * 0.1)));
          const gate = fairGate(places, [flood, quiet]);
          // One that comes when everything is lent has to wait until the first request of the flood is over.
          const { most } = await contend(gate, [quiet, flood], 10, serviceMs, seed);
          expect(most).toBeLessThanOrEqual(places);
          expect(gate.inFlight).toBe(0);
          expect(quiet.refused).toBe(0);
          expect(quiet.accepted).toBeGreaterThan(0);
          // What is not needed is lent.
          expect(flood.accepted).toBeGreaterThan(quiet.accepted);
        },
      ),
      { numRuns: 10 },
    );
  }, 120_000);

  it('go by weight when everybody wants more', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 12, max: 40 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 1e6 }),
        async (places, weight, seed) => {
          const tenants = [tenant('a', weight, places + 10), tenant('b', 1, places + 10), tenant('c', 1, places + 10)];
          const gate = fairGate(places, tenants);
          await contend(gate, tenants, 10, 400, seed);
          const used = tenants.reduce((sum, each) => sum + each.used, 0);
          for (const each of tenants) {
            const share = each.weight / (weight + 2);
            // One place is what shares are rounded to.
            expect(Math.abs(each.used / used - share)).toBeLessThan(1.5 / places + 0.05);
          }
        },
      ),
      { numRuns: 4 },
    );
  }, 120_000);

  it('are lent as a whole to a tenant that is alone', () => {
    const gate = fairGate(10, []);
    for (let count = 0; count < 10; count += 1) gate.now('alone');
    expect(gate.tenantShare('alone')).toEqual({ inFlight: 10, share: 10 });
  });

  it('hold for bulk requests too', async () => {
    const gate = fairGate(40, []);
    gate.now('quiet');
    const flood = { tenant: 'flood', priority: 'critical' } as const;
    const quiet = { tenant: 'quiet', priority: 'low' } as const;
    expect(gate.enterBulk(flood, 1_000)).toBe(30);
    const waiting = [gate.waitBulk(flood, 1_000, 5_000, FOREVER), gate.waitBulk(quiet, 10, 5_000, FOREVER)];
    gate.leaveBulk('flood', 10);
    expect(await waiting[1]).toBeGreaterThanOrEqual(5);
    expect(gate.tenantShare('flood')).toMatchObject({ share: 20 });
  });

  it('can be turned off', async () => {
    const gate = gateOf(4, { queue: QUEUE });
    const leaves = Array.from({ length: 4 }, () => gate.now('flood'));
    const waiting = [gate.later('flood'), gate.later('quiet')];
    leaves[0]?.();
    expect(typeof (await waiting[0])).toBe('function');
    await gate.clock.advance(1_000);
    expect(await waiting[1]).toBe('waited');
  });
});

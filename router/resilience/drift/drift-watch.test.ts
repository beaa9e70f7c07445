import { describe, expect, it } from '@jest/globals';
import { createManualClock, type ManualClock } from '../../../core/clock.ts';
import { moduleSpecSchema, orchestrationFileSchema, type ModuleSpecInput } from '../../../core/config/schema.ts';
import type { ReplicaView } from '../../../core/modules/module-view.ts';
import type { ModuleRecord } from '../module-record.ts';
import { createDriftWatch, type DriftWatch } from './drift-watch.ts';

const { drift: POLICY } = orchestrationFileSchema.parse({ orchestration: {} }).orchestration.fallback.healing;

interface Rig {
  readonly clock: ManualClock;
  readonly watch: DriftWatch;
  readonly done: string[];
  readonly memory: Map<string, number>;
  /** Lets seconds pass in which each of the modules answers ten calls in so many milliseconds. */
  readonly go: (seconds: number, latenciesMs: Readonly<Record<string, number>>) => Promise<void>;
}

function rigOf(
  specs: readonly ModuleSpecInput[],
  policy: Partial<typeof POLICY> = {},
  ready: readonly string[] = [],
): Rig {
  const clock = createManualClock();
  const done: string[] = [];
  const memory = new Map<string, number>();
  const records = new Map(
    specs.map((spec): [string, ModuleRecord] => [
      spec.module_id,
      {
        spec: moduleSpecSchema.parse(spec),
        readyReplicas: ready.includes(spec.module_id) ? 1 : 0,
        breakerAdmits: true,
        get view() {
          const memoryBytes = memory.get(spec.module_id);
          const replica = { replicaId: `${spec.module_id}-1`, state: 'READY', usage: { memoryBytes } } as ReplicaView;
          return { replicas: [replica] };
        },
      } as unknown as ModuleRecord,
    ]),
  );
  const watch = createDriftWatch({
    policy: { ...POLICY, ...policy },
    clock,
    recordOf: (id) => records.get(id),
    records: () => records.values(),
    note: (action, id, reason) => done.push(`${action} ${id}: ${reason}`),
    setShare: (id, share) => done.push(`share ${id}: ${share ?? 'all'}`),
    warm: () => Promise.resolve(),
    restart: (id) => done.push(`restart ${id}`),
  });
  return {
    clock,
    watch,
    done,
    memory,
    async go(seconds, latenciesMs) {
      for (let second = 0; second < seconds; second += 1) {
        for (const [id, latencyMs] of Object.entries(latenciesMs))
          for (let count = 0; count < 10; count += 1)
            watch.onEnd(id, 'GENERAL', { kind: 'answered', accepted: true, confidence: 0.8, latencyMs });
        await clock.advance(1_000);
      }
    },
  };
}

const a = { module_id: 'a', query_classes: ['GENERAL'], fallbacks: ['b'] } satisfies ModuleSpecInput;
const b = { module_id: 'b', query_classes: ['CODE_GENERATION'] } satisfies ModuleSpecInput;

describe('a module that gets worse', () => {
  it('is told of, has its fallback started and gets a small share, until it is well again', async () => {
    const { go, done } = rigOf([a, b], {}, ['a']);
    await go(60, { a: 100 });
    expect(done).toEqual([]);
    await go(10, { a: 400 });
    expect(done).toEqual([
      'drift a: latency of GENERAL went from 0.10 s to 0.26 s',
      'warm b: it can stand in for a, which gets worse',
      'share a: 0.1',
      'drain a: it is given 10 % of its queries while another can answer',
    ]);
    await go(30, { a: 100 });
    expect(done.slice(4)).toEqual(['share a: all', expect.stringContaining('drift_over a: latency of GENERAL')]);
  });

  it('warms nobody where one that can stand in is ready', async () => {
    const { go, done } = rigOf([a, b], {}, ['a', 'b']);
    await go(60, { a: 100 });
    await go(10, { a: 400 });
    expect(done.some((each) => each.startsWith('warm'))).toBe(false);
  });

  it.each([
    ['nothing is told', { enabled: false }, []],
    ['it keeps its share', { drain: false, warm: false }, ['drift']],
  ])('with the action turned off %s', async (_name, policy, actions) => {
    const { go, done } = rigOf([a, b], policy, ['a']);
    await go(60, { a: 100 });
    await go(10, { a: 400 });
    expect(done.map((each) => each.split(' ')[0])).toEqual(actions);
  });

  it('is not drained when most others get worse too: then it is the machine', async () => {
    const modules = ['a', 'c', 'd'].map((module_id): ModuleSpecInput => ({ module_id, query_classes: ['GENERAL'] }));
    const { go, done } = rigOf(modules, {}, ['a', 'c', 'd']);
    await go(60, { a: 100, c: 100, d: 100 });
    await go(10, { a: 400, c: 400, d: 400 });
    expect(done.filter((each) => each.startsWith('drift'))).toHaveLength(3);
    expect(done.filter((each) => each.startsWith('share'))).toHaveLength(1);
  });
});

it('a module whose memory grows to its limit is started anew before it gets there', async () => {
  const spec = { ...a, resource_requirements: { limits: { memory: '1000' } } };
  const { go, done, memory } = rigOf([spec], {}, ['a']);
  for (let bytes = 500; bytes < 800; bytes += 10) {
    memory.set('a', bytes);
    await go(2, {});
  }
  expect(done[0]).toMatch(/^drift a: memory of a-1 is at 7\d % of its limit and reaches it in \d+ s$/);
  expect(done[1]).toBe('restart a');
});

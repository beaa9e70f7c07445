import { describe, expect, it } from '@jest/globals';

import { createManualClock } from '../../../core/clock.ts';
import { moduleSpecSchema, orchestrationFileSchema, type ModuleSpecInput } from '../../../core/config/schema.ts';
import { FrontierError } from '../../../core/errors.ts';
import type { ReplicaUsage } from '../../../core/modules/module-view.ts';
import type { CallEnd } from '../call-end.ts';
import type { ModuleRecord } from '../module-record.ts';
import { createExhaustionWatch } from './exhaustion-watch.ts';

const { exhaustion: POLICY } = orchestrationFileSchema.parse({ orchestration: {} }).orchestration.fallback.healing;
const SPECS = [
  {
    module_id: 'a',
    query_classes: ['GENERAL'],
    fallbacks: ['b'],
    resource_requirements: { limits: { cpu: '500m', memory: '1000' } },
  },
  { module_id: 'b', query_classes: ['CODE_GENERATION'] },
] satisfies ModuleSpecInput[];

function rigOf(policy: Partial<typeof POLICY> = {}, isStandInReady = true) {
  const clock = createManualClock();
  const done: string[] = [];
  const usage = new Map<string, ReplicaUsage>();
  const records = new Map(
    SPECS.map((input): [string, ModuleRecord] => {
      const spec = moduleSpecSchema.parse(input);
      const id = spec.module_id;
      const view = () => ({ spec, replicas: [{ replicaId: `${id}-1`, state: 'READY', usage: usage.get(id) }] });
      const readyReplicas = id === 'a' || isStandInReady ? 1 : 0;
      const record = { spec, readyReplicas, breakerAdmits: true };
      return [id, Object.defineProperty(record, 'view', { get: view }) as unknown as ModuleRecord];
    }),
  );
  const watch = createExhaustionWatch({
    policy: { ...POLICY, ...policy },
    clock,
    recordOf: (id) => records.get(id),
    records: () => records.values(),
    note: (action, id, reason) => done.push(`${action} ${id}: ${reason}`),
    setShare: (id, share) => done.push(`share ${id}: ${share ?? 'all'}`),
    warm: () => Promise.resolve(),
    restart: (id, reason) => done.push(`restart ${id}: ${reason}`),
  });
  const end = (how: CallEnd): void => {
    watch.onEnd('a', 'GENERAL', how);
  };
  return {
    done,
    watch,
    usage,
    /** Lets seconds pass in which `a` answers five calls a second, each in so many milliseconds. */
    go: async (seconds: number, latencyMs: number): Promise<void> => {
      for (let second = 0; second < seconds; second += 1) {
        for (let call = 0; call < 5; call += 1) end({ kind: 'answered', accepted: true, confidence: 0.8, latencyMs });
        await clock.advance(1_000);
      }
    },
    lose: (resource: string, said: string): void => {
      const error = new FrontierError('MODULE_OUT_OF_RESOURCES', said, { metadata: { resource, said } });
      end({ kind: 'failed', modulesFault: true, latencyMs: 5, error });
    },
    quiet: (seconds: number) => clock.advance(seconds * 1_000),
  };
}

describe('a module that starves for CPU', () => {
  it('is told of with the figures, and gets a small share until it is well again', async () => {
    const { done, go, usage } = rigOf();
    usage.set('a', { cpuCores: 0.5 });
    await go(60, 100);
    expect(done).toEqual([]);
    await go(20, 500);
    expect(done).toEqual([
      'exhausted a: its CPU is at 100 % of its limit, and 100 % of its last 25 answers were late, slow or refused',
      'share a: 0.1',
      'drain a: it is given 10 % of its queries while another can answer',
    ]);
    usage.set('a', { cpuCores: 0.1 });
    await go(60, 100);
    expect(done.slice(3)).toEqual(['share a: all', 'exhausted_over a: it has what it needs again']);
  });

  it('has a stand-in started that is not ready', async () => {
    const { done, go, usage } = rigOf({}, false);
    usage.set('a', { cpuCores: 0.5 });
    await go(30, 100);
    await go(20, 500);
    expect(done[1]).toBe('warm b: it can stand in for a, which runs out of resources');
  });
});

describe('a module that says that its memory is gone', () => {
  it('gets a small share at the second time, and a new process at the third one in a row', async () => {
    const { done, lose, quiet } = rigOf();
    lose('gpu_memory', 'CUDA out of memory');
    expect(done).toEqual([]);
    lose('gpu_memory', 'CUDA out of memory');
    const why = 'it says that it is out of GPU memory ("CUDA out of memory")';
    expect(done).toEqual([`exhausted a: ${why}`, 'share a: 0.1', expect.stringContaining('drain a')]);
    lose('gpu_memory', 'CUDA out of memory');
    expect(done[3]).toBe(`restart a: 3 answers in a row failed since ${why}`);
    lose('gpu_memory', 'CUDA out of memory');
    expect(done).toHaveLength(4);
    await quiet(34);
    expect(done.slice(4)).toEqual(['share a: all', 'exhausted_over a: it has what it needs again']);
  });

  it('is believed at once where that is seen', () => {
    const { done, lose, usage } = rigOf();
    usage.set('a', { gpu: { memoryBytes: 5, deviceMemoryBytes: 10, usedFraction: 0.98, utilization: 1 } });
    lose('gpu_memory', 'CUDA out of memory');
    expect(done[0]).toBe('exhausted a: it says that it is out of GPU memory ("CUDA out of memory"), 98 % in use');
  });
});

it.each([
  ['nothing is told', { enabled: false }, []],
  ['it keeps its share', { drain: false, restart_after: 0 }, ['exhausted']],
  ['no stand-in is started', { warm: false, restart_after: 0 }, ['exhausted', 'share', 'drain']],
])('with the action turned off %s', (_name, policy, actions) => {
  const { done, lose } = rigOf(policy);
  for (let count = 0; count < 5; count += 1) lose('memory', 'std::bad_alloc');
  expect(done.map((each) => each.split(' ')[0])).toEqual(actions);
});

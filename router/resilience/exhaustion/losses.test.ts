import { describe, expect, it, test } from '@jest/globals';

import { moduleSpecSchema } from '../../../core/config/schema.ts';
import { FrontierError } from '../../../core/errors.ts';
import type { ReplicaUsage, ReplicaView } from '../../../core/modules/module-view.ts';
import type { CallEnd } from '../call-end.ts';
import { afterCall, isLost, needsNewProcess, type Losses } from './losses.ts';
import { cpuFractionOf, usedFractionOf } from './module-usage.ts';

const lost = (resource = 'gpu_memory'): CallEnd => ({
  kind: 'failed',
  modulesFault: true,
  latencyMs: 1,
  error: new FrontierError('MODULE_OUT_OF_RESOURCES', 'x', { metadata: { resource, said: 'CUDA out of memory' } }),
});
const answer = (accepted = true): CallEnd => ({ kind: 'answered', accepted, confidence: 0.8, latencyMs: 1 });
const other: CallEnd = {
  kind: 'failed',
  modulesFault: true,
  latencyMs: 1,
  error: new FrontierError('MODULE_FAILED', 'x'),
};
const after = (...ends: readonly CallEnd[]): Losses | undefined =>
  ends.reduce<Losses | undefined>((before, end, at) => afterCall(before, end, at * 1_000), undefined);

describe('what a module says that it has lost', () => {
  it('is believed at the second time, at the first one where it is seen to be full', () => {
    expect(isLost(after(lost()), undefined, 0)).toBe(false);
    expect(isLost(after(lost()), 0.5, 0)).toBe(false);
    expect(isLost(after(lost()), 0.97, 0)).toBe(true);
    expect(isLost(after(lost(), lost()), undefined, 1_000)).toBe(true);
    expect(isLost(after(other, answer()), 0.99, 0)).toBe(false);
  });

  it('is over when it has not said so for half a minute', () => {
    const losses = after(lost(), lost());
    expect(isLost(losses, undefined, 30_000)).toBe(true);
    expect(isLost(losses, undefined, 31_001)).toBe(false);
  });

  it('is counted by what it is', () => {
    expect(isLost(after(lost('gpu_memory'), lost('disk')), undefined, 1_000)).toBe(false);
  });

  it('brings a new process after so many in a row, where that has it again', () => {
    expect(needsNewProcess(after(lost(), lost()), 3)).toBe(false);
    expect(needsNewProcess(after(lost(), other, lost(), answer(false), lost()), 3)).toBe(true);
    expect(needsNewProcess(after(lost(), lost(), answer(), lost()), 3)).toBe(false);
    expect(needsNewProcess(after(lost(), lost(), lost()), 0)).toBe(false);
    for (const resource of ['disk', 'cache', 'slots'])
      expect(needsNewProcess(after(lost(resource), lost(resource), lost(resource)), 3)).toBe(false);
  });
});

test('what is used is compared with the limit over the ready replicas', () => {
  const limits = { cpu: '500m', memory: '1000' };
  const spec = moduleSpecSchema.parse({ module_id: 'a', resource_requirements: { limits } });
  const view = (...usages: readonly (ReplicaUsage & { state?: ReplicaView['state'] })[]) => ({
    spec,
    replicas: usages.map(({ state = 'READY', ...usage }) => ({ state, usage }) as ReplicaView),
  });
  expect(cpuFractionOf(view({ cpuCores: 0.5 }, { cpuCores: 0.25 }, { cpuCores: 9, state: 'DRAINING' }))).toBe(0.75);
  expect(cpuFractionOf(view({}))).toBeUndefined();
  expect(cpuFractionOf({ ...view({ cpuCores: 1 }), spec: moduleSpecSchema.parse({ module_id: 'a' }) })).toBeUndefined();
  const gpu = { memoryBytes: 1, deviceMemoryBytes: 2, usedFraction: 0.98, utilization: undefined };
  const seen = view({ memoryBytes: 500 }, { memoryBytes: 980, gpu });
  expect(usedFractionOf(seen, 'memory')).toBe(0.98);
  expect(usedFractionOf(seen, 'gpu_memory')).toBe(0.98);
  expect(usedFractionOf(seen, 'disk')).toBeUndefined();
});

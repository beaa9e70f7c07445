import { expect, test } from '@jest/globals';
import { Module, WatchModulesResponse } from '../../gen/frontier/loader/v1/loader.ts';
import { moduleSpecSchema } from '../config/schema.ts';
import { silentLogger } from '../logging.ts';
import { moduleViewFromProto, moduleViewToProto } from './module-view.ts';
import type { ModuleView } from './module-view.ts';
import { applyChange } from './module-watch-client.ts';

function view(moduleId: string): ModuleView {
  return {
    moduleId,
    spec: moduleSpecSchema.parse({
      module_id: moduleId,
      query_classes: ['GENERAL'],
      adapter: { type: 'openai', url: 'http://localhost:1/v1' },
    }),
    specVersion: 'abc',
    state: 'READY',
    reason: '',
    replicas: [
      {
        replicaId: `${moduleId}-1`,
        state: 'READY',
        reason: '',
        endpoint: { address: '127.0.0.1', port: 4711, zone: '', weight: 1 },
        restarts: 2,
        inFlight: 3,
        createdAtMs: 1_700_000_000_000,
        readyAtMs: 1_700_000_001_500,
        usage: {
          memoryBytes: 123_456_789,
          cpuCores: 0,
          gpu: { memoryBytes: undefined, deviceMemoryBytes: 24 * 2 ** 30, usedFraction: 0.98, utilization: 0 },
        },
      },
    ],
    desiredReplicas: 1,
    inFlight: 3,
    waiting: 1,
    requestsPerSecond: 0.5,
    expectedActivationMs: 1500,
    lastUseAtMs: 1_700_000_002_000,
    stateChangedAtMs: 1_700_000_001_500,
  };
}

const onTheWire = (of: ModuleView): Module => Module.decode(Module.encode(moduleViewToProto(of)).finish());

test('a view survives the wire whole', () => {
  expect(moduleViewFromProto(onTheWire(view('foundation')))).toEqual(view('foundation'));
});

test('a snapshot replaces everything, a change only what it names', () => {
  const change = (partial: Partial<WatchModulesResponse>): WatchModulesResponse =>
    WatchModulesResponse.fromPartial({ ...partial });
  const first = applyChange(
    new Map(),
    change({ snapshot: true, modules: [onTheWire(view('a')), onTheWire(view('b'))] }),
    silentLogger,
  );
  expect([...first.keys()]).toEqual(['a', 'b']);
  const second = applyChange(first, change({ modules: [onTheWire(view('c'))], removedModuleIds: ['a'] }), silentLogger);
  expect([...second.keys()]).toEqual(['b', 'c']);
  expect([...first.keys()]).toEqual(['a', 'b']);
  expect([...applyChange(second, change({ snapshot: true }), silentLogger).keys()]).toEqual([]);
});

test('an unreadable module keeps its last state and hides no other', () => {
  const first = applyChange(
    new Map(),
    WatchModulesResponse.fromPartial({ snapshot: true, modules: [onTheWire(view('a'))] }),
    silentLogger,
  );
  const broken = { ...onTheWire(view('a')), spec: { module_id: 'a', from_the_future: true } };
  const next = applyChange(
    first,
    WatchModulesResponse.fromPartial({ modules: [broken, onTheWire(view('b'))] }),
    silentLogger,
  );
  expect([...next.keys()]).toEqual(['a', 'b']);
  expect(next.get('a')).toBe(first.get('a'));
});

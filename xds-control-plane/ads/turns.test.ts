import { describe, expect, test } from '@jest/globals';
import { createManualClock } from '../../core/clock.ts';
import type { ManualClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/logging.ts';
import { createMetricsRegistry } from '../../core/telemetry/metrics.ts';
import type { Snapshot } from '../cache/type-snapshot.ts';
import { TYPE_URLS } from '../protobuf/type-urls.ts';
import { createControlPlaneMetrics } from './ads-metrics.ts';
import { startSession } from './ads-session.ts';
import type { AdsDependencies, Session } from './ads-session.ts';
import type { WireRequest } from './discovery-requests.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { createNodeRegistry } from './node-registry.ts';
import { ORDER, world } from './stream.fixture.ts';
import { createTurns } from './turns.ts';

describe('turns', () => {
  test('work is done at once while there is room, and then so much in each turn', async () => {
    const clock = createManualClock();
    const turns = createTurns(clock, 10);
    let done = 0;
    const counts: number[] = [];
    for (let each = 0; each < 35; each += 1) turns.run('answer', () => (done += 1));
    counts.push(done);
    for (let turn = 0; turn < 4; turn += 1) {
      await clock.advance(1);
      counts.push(done);
    }
    expect(counts).toEqual([10, 20, 30, 35, 35]);
  });

  test('half of each turn is for changes, and half for answers, while there are both', () => {
    let turn: () => void = () => undefined;
    const clock: ManualClock = { ...createManualClock(), after: (_ms, run) => ((turn = run), () => undefined) };
    const turns = createTurns(clock, 10);
    const order: string[] = [];
    for (let each = 0; each < 100; each += 1) turns.run('answer', () => order.push('answer'));
    for (let each = 0; each < 8; each += 1) turns.run('push', () => order.push('push'));
    order.length = 0;
    turn();
    expect(order).toEqual(Array.from({ length: 5 }, () => ['push', 'answer']).flat());
    order.length = 0;
    turn();
    expect(order).toEqual(['push', 'answer', 'push', 'answer', 'push', ...Array.from({ length: 5 }, () => 'answer')]);
  });
});

describe('in a storm of 1,000 clients', () => {
  const PER_TURN = 20;
  const request = (typeUrl: string, nonce = ''): WireRequest => ({
    node: undefined,
    typeUrl,
    nonce,
    versionInfo: '',
    refusal: undefined,
    names: [],
    unsubscribe: [],
    initialVersions: new Map(),
  });

  interface Storm {
    readonly clock: ManualClock;
    /** Clients in the order in which they were written to. */
    readonly written: string[];
    readonly perTurn: () => number;
    change(): void;
    connect(id: string): Session;
  }

  function start(): Storm {
    const clock = createManualClock();
    const written: string[] = [];
    let [turnBegin, mostInTurn] = [0, 0];
    const timed: ManualClock = {
      ...clock,
      after: (ms, run) =>
        clock.after(ms, () => {
          turnBegin = written.length;
          run();
          mostInTurn = Math.max(mostInTurn, written.length - turnBegin);
        }),
    };
    const listeners = new Set<() => void>();
    let snapshot: Snapshot = world(['a']);
    const deps: AdsDependencies = {
      instance: 'test',
      clock: timed,
      log: silentLogger,
      metrics: createControlPlaneMetrics(createMetricsRegistry()),
      nodes: createNodeRegistry(),
      admit: () => {
        throw new Error('not asked');
      },
      turns: createTurns(timed, PER_TURN),
      order: ORDER,
      limits: DEFAULT_LIMITS,
      stopping: new AbortController().signal,
    };
    return {
      clock,
      written,
      perTurn: () => mostInTurn,
      change: () => {
        snapshot = world(['a', 'b']);
        for (const listener of listeners) listener();
      },
      connect: (id) =>
        startSession(
          'sotw',
          { id, cluster: '', clientFeatures: [], zone: '' },
          {
            view: {
              current: () => snapshot,
              onChange: (listener) => {
                listeners.add(listener);
                return () => listeners.delete(listener);
              },
              close: () => undefined,
            },
            kind: 'client',
            spiffeId: '',
            legacyWildcard: true,
          },
          (_bytes, taken) => {
            written.push(id);
            taken();
          },
          deps,
        ),
    };
  }

  test('a client that is there gets a change in the turn after it is due, and all get what they asked for', async () => {
    const storm = start();
    const there = storm.connect('there');
    there.receive(request(TYPE_URLS.clusters));
    await storm.clock.advance(100);
    there.receive(request(TYPE_URLS.clusters, '1'));
    await storm.clock.advance(100);
    expect(storm.written).toEqual(['there']);

    storm.change();
    for (let each = 0; each < 1_000; each += 1) {
      const session = storm.connect(`new-${each}`);
      session.receive(request(TYPE_URLS.clusters));
      session.receive(request(TYPE_URLS.listeners));
    }
    await storm.clock.advance(5_000);
    expect(storm.perTurn()).toBeLessThanOrEqual(PER_TURN);
    const place = storm.written.indexOf('there', 1);
    expect(place).toBeGreaterThan(0);
    // A change is sent after 5 ms, which are as many turns.
    expect(place).toBeLessThanOrEqual((5 + 2) * PER_TURN);
    expect(new Set(storm.written).size).toBe(1_001);
    expect(storm.written.filter((id) => id !== 'there')).toHaveLength(2_000);
  });

  test('changes do not wait for acknowledgements, however many come', async () => {
    const storm = start();
    const sessions = Array.from({ length: 1_000 }, (_, each) => storm.connect(`c-${each}`));
    for (const session of sessions) session.receive(request(TYPE_URLS.clusters));
    await storm.clock.advance(5_000);
    expect(storm.written).toHaveLength(1_000);
    storm.change();
    for (const session of sessions) session.receive(request(TYPE_URLS.clusters, '1'));
    await storm.clock.advance(5_000);
    expect(storm.written).toHaveLength(2_000);
    expect(new Set(storm.written.slice(1_000)).size).toBe(1_000);
    expect(storm.perTurn()).toBeLessThanOrEqual(PER_TURN);
  });
});

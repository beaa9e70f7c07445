import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createResource } from '../cache/resource.ts';
import type { Resource } from '../cache/resource.ts';
import { typeSnapshot } from '../cache/type-snapshot.ts';
import type { Snapshot } from '../cache/type-snapshot.ts';
import { pushRank, TYPE_URLS } from '../protobuf/type-urls.ts';
import { ModelEnvoy } from './model-envoy.fixture.ts';
import { nextResponse } from './next-response.ts';
import type { Form } from './stream-state.ts';

/** An Envoy may take as long as it likes here: that holding back is bounded is tested in stream.test.ts. */
const ORDER = { holdMs: Infinity, graceMs: 1_000 };

type Step =
  | { readonly kind: 'snapshot'; readonly clusters: readonly string[]; readonly version: number }
  | { readonly kind: 'take'; readonly refuse: boolean }
  | { readonly kind: 'reconnect' }
  | { readonly kind: 'wait'; readonly ms: number };

const steps = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('snapshot' as const),
        clusters: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd')),
        version: fc.integer({ min: 1, max: 3 }),
      }),
    },
    { weight: 6, arbitrary: fc.constant({ kind: 'take' as const, refuse: false }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'take' as const, refuse: true }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'reconnect' as const }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3_000 }) }),
    },
  ),
  { maxLength: 60 },
);

function snapshotOf(clusters: readonly string[], version: number, edition = ''): Snapshot {
  const any = { type_url: '', value: Buffer.alloc(0) };
  const named = (name: string, text: string, typeUrl?: string, names: readonly string[] = []): Resource =>
    createResource({
      name,
      version: `${text}${edition}`,
      any,
      references: typeUrl === undefined ? new Map() : new Map([[typeUrl, new Set(names)]]),
    });
  return new Map([
    [
      TYPE_URLS.clusters,
      typeSnapshot(clusters.map((name) => named(name, String(version % 2), TYPE_URLS.endpoints, [name]))),
    ],
    [TYPE_URLS.endpoints, typeSnapshot(clusters.map((name) => named(name, String(version))))],
    [TYPE_URLS.listeners, typeSnapshot([named('mesh', '1', TYPE_URLS.routes, ['mesh'])])],
    [TYPE_URLS.routes, typeSnapshot([named('mesh', clusters.join(), TYPE_URLS.clusters, clusters)])],
    [TYPE_URLS.secrets, typeSnapshot([])],
  ]);
}

/** Sends all that is due, checking that no name is in a response twice and that the order is kept. */
function pump(envoy: ModelEnvoy, snapshot: Snapshot, nowMs: number): void {
  const batch: string[] = [];
  for (;;) {
    const { response } = nextResponse(envoy.stream, snapshot, nowMs, ORDER);
    if (response === undefined) break;
    const names = [...response.resources.map(({ name }) => name), ...response.removed];
    if (new Set(names).size !== names.length) throw new Error(`a name twice in ${response.typeUrl}`);
    if (envoy.isNews(response)) batch.push(response.typeUrl);
    envoy.inbox.push(response);
  }
  if (envoy.openResponses() > 8) throw new Error('responses pile up');
  const order = batch.map(pushRank);
  if (order.some((place, index) => place < (order[index - 1] ?? 0))) throw new Error(`out of order: ${batch.join()}`);
}

interface Played {
  readonly envoy: ModelEnvoy;
  readonly snapshot: Snapshot;
}

function play(form: Form, all: readonly Step[], check: (envoy: ModelEnvoy) => void): Played {
  const envoy = new ModelEnvoy(form);
  let [clusters, version]: [readonly string[], number] = [['a'], 1];
  let snapshot = snapshotOf(clusters, version);
  let nowMs = 0;
  for (const step of all) {
    if (step.kind === 'snapshot') {
      ({ clusters, version } = step);
      snapshot = snapshotOf(clusters, version);
    } else if (step.kind === 'wait') nowMs += step.ms;
    else if (step.kind === 'reconnect') envoy.connect();
    else envoy.takeOne(step.refuse);
    pump(envoy, snapshot, nowMs);
    check(envoy);
  }
  // What was refused is not sent again until it changes, so the last word is new to everybody.
  snapshot = snapshotOf(clusters, version, ' final');
  for (let round = 0; round < 120; round += 1) {
    nowMs += ORDER.graceMs;
    pump(envoy, snapshot, nowMs);
    check(envoy);
    envoy.takeOne(false);
  }
  return { envoy, snapshot };
}

function assertNoBrokenRoute(envoy: ModelEnvoy): void {
  const broken = envoy.brokenRoutes();
  if (broken.length > 0) throw new Error(`routes to ${broken.join()}, which Envoy lacks`);
}

/**
 * Two things no order can help against: a cluster that Envoy refuses does not hold up routes, since those to others would
 * wait with it; and in the state-of-the-world form a client that comes again does not say what it has.
 */
function orderable(form: Form, step: Step): readonly Step[] {
  if (step.kind === 'take') return [{ ...step, refuse: false }];
  return step.kind === 'reconnect' && form === 'sotw' ? [] : [step];
}

const FORMS = ['sotw', 'delta'] as const;

test.each(FORMS)('%s: a route is not sent while a response that takes its cluster away is under way', (form) => {
  const found: readonly Step[] = [
    { kind: 'snapshot', clusters: ['b'], version: 1 },
    { kind: 'take', refuse: false },
    { kind: 'snapshot', clusters: ['a'], version: 1 },
    { kind: 'snapshot', clusters: ['b'], version: 1 },
  ];
  play(form, found, assertNoBrokenRoute);
});

test.each(FORMS)(
  '%s: a cluster that a client comes with is not named before its endpoints have been answered',
  (form) => {
    const found: readonly Step[] = [
      { kind: 'reconnect' },
      { kind: 'take', refuse: false },
      { kind: 'snapshot', clusters: ['b'], version: 1 },
      { kind: 'reconnect' },
      { kind: 'snapshot', clusters: ['a'], version: 1 },
    ];
    play(
      form,
      found.flatMap((step) => orderable(form, step)),
      assertNoBrokenRoute,
    );
  },
);

test.each(FORMS)(
  '%s: whatever changes and whenever it answers, Envoy never holds a route to a missing cluster',
  (form) => {
    fc.assert(
      fc.property(steps, (all) => {
        play(
          form,
          all.flatMap((step) => orderable(form, step)),
          assertNoBrokenRoute,
        );
      }),
      { numRuns: 1_000 },
    );
  },
);

test.each(FORMS)('%s: once changes end, Envoy holds exactly the last snapshot and the stream is silent', (form) => {
  fc.assert(
    fc.property(steps, (all) => {
      const { envoy, snapshot } = play(form, all, () => undefined);
      for (const typeUrl of [TYPE_URLS.clusters, TYPE_URLS.endpoints, TYPE_URLS.listeners, TYPE_URLS.routes]) {
        const wanted = [...(snapshot.get(typeUrl)?.resources.values() ?? [])];
        const list = (resources: Iterable<Resource>): readonly string[] =>
          [...resources].map(({ name, version }) => `${name} ${version}`).sort();
        expect(list(envoy.holds(typeUrl).values())).toEqual(list(wanted));
      }
      expect(envoy.inbox).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
});

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { versionOf } from '../cache/snapshot.ts';
import type { Resource, Snapshot, TypeSnapshot } from '../cache/snapshot.ts';
import { PUSH_ORDER } from '../protobuf/type-urls.ts';
import type { ResourceType } from '../protobuf/type-urls.ts';
import { REMOVAL_GRACE_MS } from './make-before-break.ts';
import { nextResponse } from './next-response.ts';
import type { DiscoveryResponse } from './next-response.ts';
import { onRequest } from './on-request.ts';
import { newStream } from './stream-state.ts';
import type { StreamState } from './stream-state.ts';

/**
 * An Envoy by its rules: it holds what it has acknowledged, asks for the endpoints of the clusters that it holds, and
 * answers responses in the order in which they came, each whenever it pleases.
 */
class ModelEnvoy {
  readonly held: Record<ResourceType, Map<string, Resource>> = {
    clusters: new Map(),
    endpoints: new Map(),
    listeners: new Map(),
    routes: new Map(),
    secrets: new Map(),
  };
  readonly inbox: DiscoveryResponse[] = [];
  state: StreamState = newStream('gateway');

  constructor() {
    this.request('clusters', [], '');
    this.request('listeners', [], '');
    this.request('routes', ['mesh'], '');
  }

  request(type: ResourceType, names: readonly string[], nonce: string): void {
    this.state = onRequest(this.state, type, { names, nonce, refusal: undefined }).state;
  }

  /** Takes in and acknowledges the oldest response that it has not looked at. */
  takeOne(): void {
    const response = this.inbox.shift();
    if (response === undefined) return;
    const { type, nonce, resources } = response;
    if (type === 'clusters' || type === 'listeners') this.held[type].clear();
    for (const resource of resources) if (this.wants(type, resource)) this.held[type].set(resource.name, resource);
    const names = type === 'clusters' || type === 'listeners' ? [] : type === 'routes' ? ['mesh'] : this.edsNames();
    this.request(type, names, nonce);
    if (type === 'clusters') this.followClusters();
  }

  /** Endpoints of a cluster that it has given up meanwhile are passed over: nobody watches that name any longer. */
  private wants(type: ResourceType, { name }: Resource): boolean {
    return type !== 'endpoints' || this.held.clusters.has(name);
  }

  private followClusters(): void {
    for (const name of this.held.endpoints.keys()) if (!this.held.clusters.has(name)) this.held.endpoints.delete(name);
    this.request('endpoints', this.edsNames(), 'spontaneous');
  }

  private edsNames(): readonly string[] {
    return [...this.held.clusters.keys()];
  }

  /** Clusters that its routes name and that it has not, or whose endpoints it has not. */
  brokenRoutes(): readonly string[] {
    return [...this.held.routes.values()]
      .flatMap(({ references }) => references.map(({ name }) => name))
      .filter((name) => !this.held.clusters.has(name) || !this.held.endpoints.has(name));
  }
}

type Step =
  | { readonly kind: 'snapshot'; readonly clusters: readonly string[]; readonly version: number }
  | { readonly kind: 'take' }
  | { readonly kind: 'wait'; readonly ms: number };

const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('snapshot' as const),
      clusters: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd')),
      version: fc.integer({ min: 1, max: 3 }),
    }),
    fc.constant({ kind: 'take' as const }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3_000 }) }),
  ),
  { maxLength: 60 },
);

function snapshotOf(clusters: readonly string[], version: number): Snapshot {
  const any = { type_url: '', value: Buffer.alloc(0) };
  const of = (...resources: readonly Resource[]): TypeSnapshot => ({
    version: versionOf(resources),
    resources: new Map(resources.map((resource) => [resource.name, resource])),
  });
  const references = clusters.map((name) => ({ type: 'clusters' as const, name }));
  return {
    clusters: of(
      ...clusters.map((name) => ({
        name,
        version: String(version % 2),
        any,
        references: [{ type: 'endpoints' as const, name }],
      })),
    ),
    endpoints: of(...clusters.map((name) => ({ name, version: String(version), any, references: [] }))),
    listeners: of({ name: 'mesh', version: '1', any, references: [{ type: 'routes', name: 'mesh' }] }),
    routes: of({ name: 'mesh', version: clusters.join(), any, references }),
    secrets: of(),
  };
}

/** Sends all that is due, checking that no type has two responses in flight and that the order is kept. */
function pump(envoy: ModelEnvoy, snapshot: Snapshot, nowMs: number): void {
  const batch: ResourceType[] = [];
  for (;;) {
    const before = envoy.state;
    const { state, response } = nextResponse(before, snapshot, nowMs);
    envoy.state = state;
    if (response === undefined) break;
    if (before.types[response.type].inFlight !== undefined) throw new Error(`two ${response.type} in flight`);
    const names = new Set(response.resources.map(({ name }) => name));
    if (names.size !== response.resources.length) throw new Error(`a name twice in ${response.type}`);
    batch.push(response.type);
    envoy.inbox.push(response);
  }
  const order = batch.map((type) => PUSH_ORDER.indexOf(type));
  if (order.some((place, index) => place < (order[index - 1] ?? 0))) throw new Error(`out of order: ${batch.join()}`);
}

function play(all: readonly Step[], check: (envoy: ModelEnvoy) => void): { envoy: ModelEnvoy; snapshot: Snapshot } {
  const envoy = new ModelEnvoy();
  let snapshot = snapshotOf(['a'], 1);
  let nowMs = 0;
  for (const step of all) {
    if (step.kind === 'snapshot') snapshot = snapshotOf(step.clusters, step.version);
    else if (step.kind === 'wait') nowMs += step.ms;
    else envoy.takeOne();
    pump(envoy, snapshot, nowMs);
    check(envoy);
  }
  for (let round = 0; round < 100; round += 1) {
    nowMs += REMOVAL_GRACE_MS;
    pump(envoy, snapshot, nowMs);
    check(envoy);
    envoy.takeOne();
  }
  return { envoy, snapshot };
}

test('a route is not sent while a response that takes its cluster away is under way', () => {
  const found: readonly Step[] = [
    { kind: 'snapshot', clusters: ['b'], version: 1 },
    { kind: 'take' },
    { kind: 'snapshot', clusters: ['a'], version: 1 },
    { kind: 'snapshot', clusters: ['b'], version: 1 },
  ];
  play(found, (envoy) => {
    expect(envoy.brokenRoutes()).toEqual([]);
  });
});

test('whatever changes and whenever it answers, Envoy never holds a route to a cluster that it lacks', () => {
  fc.assert(
    fc.property(steps, (all) => {
      play(all, (envoy) => {
        const broken = envoy.brokenRoutes();
        if (broken.length > 0) throw new Error(`routes to ${broken.join()}, which Envoy lacks`);
      });
    }),
    { numRuns: 300 },
  );
});

test('once changes end, Envoy holds exactly the last snapshot and the stream is silent', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const { envoy, snapshot } = play(all, () => undefined);
      for (const type of ['clusters', 'endpoints', 'listeners', 'routes'] as const) {
        const wanted = [...snapshot[type].resources.values()].map(({ name, version }) => `${name} ${version}`);
        expect([...envoy.held[type].values()].map(({ name, version }) => `${name} ${version}`).sort()).toEqual(
          wanted.sort(),
        );
      }
      expect(envoy.inbox).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

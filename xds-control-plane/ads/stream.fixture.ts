import { createResource } from '../cache/resource.ts';
import type { Resource } from '../cache/resource.ts';
import { typeSnapshot } from '../cache/type-snapshot.ts';
import type { Snapshot, TypeSnapshot } from '../cache/type-snapshot.ts';
import { PUSH_ORDER, typeLabel, TYPE_URLS } from '../protobuf/type-urls.ts';
import type { ResourceType } from '../protobuf/type-urls.ts';
import { nextResponse } from './next-response.ts';
import type { DiscoveryResponse } from './next-response.ts';
import { onRequest } from './on-request.ts';
import type { RequestOutcome } from './on-request.ts';
import { newStream, typeStateOf } from './stream-state.ts';
import type { StreamState, TypeState } from './stream-state.ts';

/** Streams with a clock and a snapshot, driven by hand, for unit tests. */

export const ORDER = { holdMs: 15_000, graceMs: 1_000 };

export function resource(
  name: string,
  version: string,
  names: Partial<Record<ResourceType, readonly string[]>> = {},
): Resource {
  const references = PUSH_ORDER.flatMap((type): [string, Set<string>][] =>
    names[type] === undefined ? [] : [[TYPE_URLS[type], new Set(names[type])]],
  );
  return createResource({
    name,
    version,
    any: { type_url: '', value: Buffer.alloc(0) },
    references: new Map(references),
  });
}

export function typeOf(...resources: readonly Resource[]): TypeSnapshot {
  return typeSnapshot(resources);
}

/** Clusters with endpoints of the same name, and one route table that names them all. */
export function world(clusters: readonly string[], versions: Partial<Record<ResourceType, string>> = {}): Snapshot {
  const of = (type: ResourceType): string => versions[type] ?? '1';
  return new Map([
    [TYPE_URLS.clusters, typeOf(...clusters.map((name) => resource(name, of('clusters'), { endpoints: [name] })))],
    [TYPE_URLS.endpoints, typeOf(...clusters.map((name) => resource(name, of('endpoints'))))],
    [TYPE_URLS.listeners, typeOf(resource('mesh', of('listeners'), { routes: ['mesh'] }))],
    [TYPE_URLS.routes, typeOf(resource('mesh', `${of('routes')} ${clusters.join()}`, { clusters }))],
    [TYPE_URLS.secrets, typeOf(resource('roots', of('secrets')))],
  ]);
}

export function withType(snapshot: Snapshot, type: ResourceType, ...resources: readonly Resource[]): Snapshot {
  return new Map([...snapshot, [TYPE_URLS[type], typeOf(...resources)]]);
}

abstract class AnyStream {
  abstract readonly stream: StreamState;
  snapshot: Snapshot;
  nowMs = 0;
  wakeAtMs: number | undefined;

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
  }

  /** Everything that goes out now. */
  sent(): readonly DiscoveryResponse[] {
    const all: DiscoveryResponse[] = [];
    for (;;) {
      const { response, wakeAtMs } = nextResponse(this.stream, this.snapshot, this.nowMs, ORDER);
      this.wakeAtMs = wakeAtMs;
      if (response === undefined) return all;
      all.push(response);
    }
  }

  /** Acknowledges whatever comes, as a client that keeps its names would, until it is quiet. Gives what came. */
  settle(): readonly DiscoveryResponse[] {
    const all: DiscoveryResponse[] = [];
    for (let batch = this.sent(); batch.length > 0; batch = this.sent()) {
      all.push(...batch);
      for (const response of batch) this.answer(response);
    }
    return all;
  }

  abstract answer(response: DiscoveryResponse, refusal?: string): RequestOutcome;

  state(type: ResourceType): TypeState {
    return typeStateOf(this.stream, TYPE_URLS[type]) ?? fail(type);
  }
}

function fail(type: string): never {
  throw new Error(`${type} has not been asked for`);
}

/** A state-of-the-world stream. */
export class SotwStream extends AnyStream {
  readonly stream: StreamState;

  constructor(snapshot: Snapshot, legacyWildcard = true) {
    super(snapshot);
    this.stream = newStream('sotw', legacyWildcard);
  }

  ask(type: ResourceType, names: readonly string[] = [], nonce = '', refusal?: string): RequestOutcome {
    return onRequest(this.stream, { form: 'sotw', typeUrl: TYPE_URLS[type], names, nonce, refusal });
  }

  answer({ typeUrl, nonce }: DiscoveryResponse, refusal?: string): RequestOutcome {
    const subscription = typeStateOf(this.stream, typeUrl)?.subscription;
    const list = [...(subscription?.names ?? [])];
    const wildcard = subscription?.wildcard === true;
    const all = wildcard && list.length > 0 ? ['*', ...list] : list;
    return onRequest(this.stream, { form: 'sotw', typeUrl, names: all, nonce, refusal });
  }
}

export interface DeltaAsk {
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly versions?: Readonly<Record<string, string>>;
  readonly nonce?: string;
  readonly refusal?: string;
}

/** A delta stream. */
export class DeltaStream extends AnyStream {
  readonly stream: StreamState;

  constructor(snapshot: Snapshot, legacyWildcard = true) {
    super(snapshot);
    this.stream = newStream('delta', legacyWildcard);
  }

  ask(
    type: ResourceType,
    { subscribe = [], unsubscribe = [], versions = {}, nonce = '', refusal }: DeltaAsk = {},
  ): RequestOutcome {
    return onRequest(this.stream, {
      form: 'delta',
      typeUrl: TYPE_URLS[type],
      subscribe,
      unsubscribe,
      initialVersions: new Map(Object.entries(versions)),
      nonce,
      refusal,
    });
  }

  answer({ typeUrl, nonce }: DiscoveryResponse, refusal?: string): RequestOutcome {
    const common = { subscribe: [], unsubscribe: [], initialVersions: new Map<string, string>() };
    return onRequest(this.stream, { form: 'delta', typeUrl, ...common, nonce, refusal });
  }
}

/** One line a response: its type, the names in it, and those taken away with a minus. */
export function summary(responses: readonly DiscoveryResponse[]): readonly string[] {
  return responses.map(({ typeUrl, resources, removed }) => {
    const names = [...resources.map(({ name }) => name), ...removed.map((name) => `-${name}`)];
    return `${typeLabel(typeUrl)}: ${names.join()}`;
  });
}

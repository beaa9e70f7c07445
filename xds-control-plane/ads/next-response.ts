import { versionOf } from '../cache/snapshot.ts';
import type { Resource, Snapshot, TypeSnapshot } from '../cache/snapshot.ts';
import { isFullSet, PUSH_ORDER } from '../protobuf/type-urls.ts';
import type { ResourceType } from '../protobuf/type-urls.ts';
import { clustersToServe, isWarm } from './make-before-break.ts';
import { withType } from './stream-state.ts';
import type { StreamState, TypeState } from './stream-state.ts';

export interface DiscoveryResponse {
  readonly type: ResourceType;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly Resource[];
}

export interface Decision {
  readonly state: StreamState;
  /** What to send now; undefined for nothing. */
  readonly response: DiscoveryResponse | undefined;
  /** When to ask again even if nothing happens, in the caller's milliseconds. */
  readonly wakeAtMs: number | undefined;
}

/**
 * Decides what a state-of-the-world stream sends next: the first type, in push order, that has something to say and no
 * response in flight. Called again until it says nothing.
 */
export function nextResponse(state: StreamState, snapshot: Snapshot, nowMs: number): Decision {
  const { clusters, lingering, wakeAtMs } = clustersToServe(state, snapshot, nowMs);
  const current: StreamState = { ...state, lingering };
  const target: Snapshot = { ...snapshot, clusters };
  for (const type of PUSH_ORDER) {
    const resources = resourcesDue(type, current, target[type]);
    if (resources === undefined) continue;
    const response = {
      type,
      version: isFullSet(type) ? versionOf(resources) : target[type].version,
      nonce: `${type}-${current.responses + 1}`,
      resources,
    };
    return { state: sendNow(current, response), response, wakeAtMs };
  }
  return { state: current, response: undefined, wakeAtMs };
}

/** Gives the resources to send of a type; undefined when there is nothing to say. */
function resourcesDue(type: ResourceType, stream: StreamState, target: TypeSnapshot): readonly Resource[] | undefined {
  const state = stream.types[type];
  if (state.subscription === undefined || state.inFlight !== undefined) return undefined;
  return isFullSet(type) ? fullSetDue(state, stream, target) : namedDue(state, stream, target);
}

/** Clusters and listeners: all that is subscribed to, since what is left out is deleted (checklist 27, 28). */
function fullSetDue(state: TypeState, stream: StreamState, target: TypeSnapshot): readonly Resource[] | undefined {
  const { subscription, sent } = state;
  const wanted = [...target.resources.values()].filter(
    ({ name }) => subscription?.wildcard === true || subscription?.names.has(name) === true,
  );
  const same = wanted.length === sent.size && wanted.every(({ name, version }) => sent.get(name)?.version === version);
  if (same && !state.answerDue) return undefined;
  return wanted.every((resource) => isWarm(resource, stream)) ? wanted : undefined;
}

/** Endpoints, routes and secrets: those that are new to the client or have changed. What does not exist is waited for. */
function namedDue(state: TypeState, stream: StreamState, target: TypeSnapshot): readonly Resource[] | undefined {
  const due: Resource[] = [];
  for (const name of state.subscription?.names ?? []) {
    const resource = target.resources.get(name);
    if (resource === undefined) continue;
    const news = state.due.has(name) || state.sent.get(name)?.version !== resource.version;
    if (news && isWarm(resource, stream)) due.push(resource);
  }
  return due.length === 0 ? undefined : due;
}

function sendNow(stream: StreamState, { type, version, nonce, resources }: DiscoveryResponse): StreamState {
  const before = stream.types[type];
  const entries = resources.map((resource): [string, Resource] => [resource.name, resource]);
  const names = new Set(resources.map(({ name }) => name));
  const sent = withType({ ...stream, responses: stream.responses + 1 }, type, {
    answerDue: false,
    due: new Set(isFullSet(type) ? [] : [...before.due].filter((name) => !names.has(name))),
    sent: new Map(isFullSet(type) ? entries : [...before.sent, ...entries]),
    // What was due is for something new; an answer to an earlier response of that name says nothing about it.
    settled: new Set([...before.settled].filter((name) => !(before.due.has(name) && names.has(name)))),
    inFlight: { nonce, version, resources },
    sentVersion: version,
  });
  return partsDue(sent, replaced(before, resources));
}

/** Resources that the client does not have in this form yet. */
function replaced(before: TypeState, resources: readonly Resource[]): readonly Resource[] {
  return resources.filter(({ name, version }) => before.sent.get(name)?.version !== version);
}

/**
 * A cluster or listener that is replaced is warmed anew, for which the client needs its endpoints, routes and secrets
 * again, although they have not changed (checklist 48, 59).
 */
function partsDue(stream: StreamState, parents: readonly Resource[]): StreamState {
  let next = stream;
  for (const { type, name } of parents.flatMap(({ references }) => references)) {
    if (isFullSet(type) || next.types[type].subscription?.names.has(name) !== true) continue;
    next = withType(next, type, { due: new Set([...next.types[type].due, name]) });
  }
  return next;
}

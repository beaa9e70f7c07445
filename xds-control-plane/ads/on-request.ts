import type { Resource } from '../cache/snapshot.ts';
import { isFullSet } from '../protobuf/type-urls.ts';
import type { ResourceType } from '../protobuf/type-urls.ts';
import type { ViewKind } from '../resources/content.ts';
import { withType } from './stream-state.ts';
import type { StreamState, Subscription, TypeState } from './stream-state.ts';

/** What a state-of-the-world request says, of one type. */
export interface DiscoveryRequest {
  readonly names: readonly string[];
  /** Nonce of the response that it answers; empty for none. */
  readonly nonce: string;
  /** Why the client refused that response; undefined when it did not (checklist 11). */
  readonly refusal: string | undefined;
}

/** What a request came to: `stale` answers a response that is not the last one. */
export type RequestOutcome = 'subscribe' | 'ack' | 'nack' | 'stale';

/**
 * Gives the stream after a request. Its names always count, its answer only when the nonce is that of the response in
 * flight (checklist 17):
 *
 * | nonce             | error_detail | outcome                                          |
 * | ----------------- | ------------ | ------------------------------------------------ |
 * | in flight         | no           | ack                                              |
 * | in flight         | yes          | nack                                             |
 * | another           | any          | stale while a response is in flight, or subscribe |
 * | empty             | any          | subscribe                                        |
 */
export function onRequest(
  state: StreamState,
  type: ResourceType,
  request: DiscoveryRequest,
): { state: StreamState; outcome: RequestOutcome } {
  const before = state.types[type];
  const outcome = outcomeOf(before, request);
  const answered = outcome === 'ack' || outcome === 'nack' ? settle(type, before, request.refusal) : before;
  const after = subscribe(type, answered, subscriptionOf(type, before.subscription, request.names, state.kind));
  return { state: withType(state, type, after), outcome };
}

function outcomeOf({ inFlight }: TypeState, { nonce, refusal }: DiscoveryRequest): RequestOutcome {
  if (nonce === '' || inFlight === undefined) return 'subscribe';
  if (nonce !== inFlight.nonce) return 'stale';
  return refusal === undefined ? 'ack' : 'nack';
}

function settle(type: ResourceType, before: TypeState, refusal: string | undefined): TypeState {
  const { inFlight } = before;
  if (inFlight === undefined) return before;
  const names = inFlight.resources.map(({ name }) => name);
  const settled = new Set(isFullSet(type) ? names : [...before.settled, ...names]);
  if (refusal !== undefined) return { ...before, settled, inFlight: undefined, nackMessage: refusal };
  const entries = inFlight.resources.map((resource): [string, Resource] => [resource.name, resource]);
  const acked = new Map(isFullSet(type) ? entries : [...before.acked, ...entries]);
  return { ...before, settled, acked, inFlight: undefined, ackedVersion: inFlight.version, nackMessage: '' };
}

/** Reads a list of names: see `Subscription` for what an empty one means. */
function subscriptionOf(
  type: ResourceType,
  before: Subscription | undefined,
  names: readonly string[],
  kind: ViewKind,
): Subscription {
  if (!isFullSet(type)) return { names: new Set(names), wildcard: false, explicit: true };
  const explicit = before?.explicit === true || names.length > 0;
  // gRPC clients have no use for the legacy wildcard: with them an empty list is just that (checklist 23).
  const legacyWildcard = names.length === 0 && !explicit && kind === 'gateway';
  return {
    names: new Set(names.filter((name) => name !== '*')),
    wildcard: legacyWildcard || names.includes('*'),
    explicit,
  };
}

/** Names that are new are owed even if they have not changed (24); those that are gone are forgotten (25, 26). */
function subscribe(type: ResourceType, state: TypeState, next: Subscription): TypeState {
  const before = state.subscription;
  const isWanted = (name: string): boolean => next.wildcard || next.names.has(name);
  const added = [...next.names].filter((name) => before?.names.has(name) !== true);
  const widened = next.wildcard && before?.wildcard !== true;
  return {
    ...state,
    subscription: next,
    due: new Set([...[...state.due].filter(isWanted), ...added]),
    answerDue: state.answerDue || (isFullSet(type) && (widened || added.length > 0)),
    sent: only(state.sent, isWanted),
    acked: only(state.acked, isWanted),
    settled: new Set([...state.settled].filter(isWanted)),
  };
}

function only<Value>(map: ReadonlyMap<string, Value>, isWanted: (name: string) => boolean): ReadonlyMap<string, Value> {
  return new Map([...map].filter(([name]) => isWanted(name)));
}

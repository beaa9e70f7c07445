import { EMPTY_TYPE } from '../cache/type-snapshot.ts';
import { isFullSet } from '../protobuf/type-urls.ts';
import { beginType, owe } from './stream-state.ts';
import type { InFlight, StreamState, TypeState } from './stream-state.ts';
import { readChanges, readNames, wants } from './subscription.ts';
import type { SubscriptionChange } from './subscription.ts';

interface AnyRequest {
  readonly typeUrl: string;
  /** Nonce of the response that it answers; empty for none. */
  readonly nonce: string;
  /** Why the client refused that response; undefined when it did not (checklist 11). */
  readonly refusal: string | undefined;
}

/** What a state-of-the-world request says: the whole list of names. */
export interface SotwRequest extends AnyRequest {
  readonly form: 'sotw';
  readonly names: readonly string[];
}

/** What a delta request says: changes to the list of names. */
export interface DeltaRequest extends AnyRequest {
  readonly form: 'delta';
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** What a client that comes again has already, by name. */
  readonly initialVersions: ReadonlyMap<string, string>;
}

export type DiscoveryRequest = SotwRequest | DeltaRequest;

/** What a request came to: `stale` answers a response that is not awaited. */
export type RequestOutcome = 'subscribe' | 'ack' | 'nack' | 'stale';

/** A client that never answers may leave this many delta responses open; answers to older ones then count as stale. */
const MAX_IN_FLIGHT = 64;

/**
 * Takes a request in. What it says of names always counts (checklist 17, 18), its answer only when the nonce is awaited:
 *
 * | nonce                                 | error_detail | outcome                                       |
 * | ------------------------------------- | ------------ | --------------------------------------------- |
 * | of an unanswered response (SotW: the last) | no      | ack                                           |
 * | the same                              | yes          | nack                                          |
 * | another                               | any          | stale; of an earlier stream (SotW): subscribe |
 * | empty, or the last one again (SotW)   | any          | subscribe                                     |
 */
export function onRequest(stream: StreamState, request: DiscoveryRequest): RequestOutcome {
  const type = beginType(stream, request.typeUrl);
  const outcome = outcomeOf(type, request);
  if (outcome === 'ack' || outcome === 'nack') settle(type, request);
  const isFirst = type.subscription === undefined;
  const change =
    request.form === 'sotw'
      ? readNames(type.typeUrl, type.subscription, request.names, stream.legacyWildcard)
      : readChanges(type.typeUrl, type.subscription, request.subscribe, request.unsubscribe, stream.legacyWildcard);
  // Read in the first message only (checklist 42), and before the names, which are owed whatever the client has (41).
  if (isFirst && request.form === 'delta') type.initialVersions = request.initialVersions;
  subscribe(type, change);
  if (request.form === 'delta') return outcome;
  // What is left out of a full set does not exist, so even an empty one is an answer.
  if (change.owed.length > 0 && isFullSet(type.typeUrl)) type.answerDue = true;
  type.muted = outcome === 'stale' && type.inFlight.length === 0;
  if (outcome === 'stale') type.urgent = false;
  return outcome;
}

function outcomeOf({ inFlight, lastNonce }: TypeState, request: DiscoveryRequest): RequestOutcome {
  const { nonce, refusal, form } = request;
  if (nonce === '') return 'subscribe';
  const isAwaited = form === 'delta' ? inFlight.some((one) => one.nonce === nonce) : inFlight.at(-1)?.nonce === nonce;
  if (isAwaited) return refusal === undefined ? 'ack' : 'nack';
  return form === 'sotw' && (lastNonce === '' || nonce === lastNonce) ? 'subscribe' : 'stale';
}

/** In the state-of-the-world form the answer to the last response settles those before it, which clients may skip. */
function settle(type: TypeState, { form, nonce, refusal }: DiscoveryRequest): void {
  const answered = form === 'sotw' ? type.inFlight : type.inFlight.filter((one) => one.nonce === nonce);
  type.inFlight = type.inFlight.filter((one) => !answered.includes(one));
  for (const { items, version } of answered) {
    for (const [name, { before }] of items) {
      if (refusal === undefined) type.refused.delete(name);
      else if (!type.refused.has(name)) type.refused.set(name, before);
    }
    if (refusal === undefined) type.ackedVersion = version;
  }
  type.nackMessage = refusal ?? '';
}

/** Names that are new are owed even if they have not changed (24, 35); those that are gone are forgotten (25, 26). */
function subscribe(type: TypeState, { next, owed, widened }: SubscriptionChange): void {
  const before = type.subscription;
  if (next === before) return;
  if (widened) widen(type);
  for (const name of owed) owe(type, name, true);
  type.subscription = next;
  if (before !== undefined) forget(type, owed);
  if (owed.length > 0 || widened) type.urgent = true;
}

/** Has everything looked at anew; what the client has of it is kept in mind. */
function widen(type: TypeState): void {
  const { subscription, seen } = type;
  // Asked for again, everything is sent again, as a single name would be.
  if (subscription?.wildcard === true) for (const name of seen.resources.keys()) owe(type, name, true);
  for (const name of subscription?.names ?? []) owe(type, name, false);
  type.seen = EMPTY_TYPE;
  type.answerDue = true;
}

/** Drops what is noted of names that are no longer asked for. */
function forget(type: TypeState, owed: readonly string[]): void {
  const { subscription } = type;
  if (subscription === undefined || subscription.wildcard) return;
  const stays = new Set(owed);
  const isGone = (name: string): boolean => !wants(subscription, name) && !stays.has(name);
  for (const name of type.pending.keys()) if (isGone(name)) type.pending.delete(name);
  for (const name of type.refused.keys()) if (isGone(name)) type.refused.delete(name);
  for (const name of type.warming) if (isGone(name)) type.warming.delete(name);
  for (const { items } of type.inFlight) for (const name of items.keys()) if (isGone(name)) items.delete(name);
}

/** Keeps only so many unanswered responses of a type. */
export function awaitAnswer(type: TypeState, response: InFlight): void {
  type.inFlight.push(response);
  if (type.inFlight.length > MAX_IN_FLIGHT) type.inFlight.shift();
}

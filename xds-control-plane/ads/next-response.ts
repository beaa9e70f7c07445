import type { Resource } from '../cache/resource.ts';
import { digestOf, EMPTY_TYPE, versionOfDigest } from '../cache/type-snapshot.ts';
import type { Snapshot } from '../cache/type-snapshot.ts';
import { isFullSet, isKnownType, TYPE_URLS } from '../protobuf/type-urls.ts';
import { mayGo, mayLeave } from './make-before-break.ts';
import type { Moment, OrderOptions } from './make-before-break.ts';
import { awaitAnswer } from './on-request.ts';
import { advance, owe, typeStateOf } from './stream-state.ts';
import type { Sent, StreamState, TypeState } from './stream-state.ts';
import { wants } from './subscription.ts';

export interface DiscoveryResponse {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly Resource[];
  /** Names that are gone; always empty in the state-of-the-world form. */
  readonly removed: readonly string[];
}

export interface Decision {
  /** What to send now; undefined for nothing. */
  readonly response: DiscoveryResponse | undefined;
  /** When to ask again even if nothing happens, in the caller's milliseconds. */
  readonly wakeAtMs: number | undefined;
}

/** What is to be said of one type: `settled` are the names of which nothing more is pending then. */
interface Due {
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
  readonly version: string;
  readonly settled: readonly string[];
}

interface Circumstances {
  readonly stream: StreamState;
  readonly snapshot: Snapshot;
  readonly moment: Moment;
  readonly order: OrderOptions;
}

/**
 * Decides what a stream sends next, and notes it as sent: the first type, in push order, that has something to say. Called
 * again until it says nothing. Its cost follows what has changed, not what there is.
 */
export function nextResponse(stream: StreamState, snapshot: Snapshot, nowMs: number, order: OrderOptions): Decision {
  const moment: Moment = { nowMs, wakeAtMs: undefined };
  for (const type of stream.types) advance(type, snapshot.get(type.typeUrl) ?? EMPTY_TYPE, stream.form);
  for (const type of stream.types) {
    const due = maySpeak(type, snapshot) ? dueOf(type, { stream, snapshot, moment, order }) : undefined;
    if (due !== undefined) return { response: send(stream, type, due), wakeAtMs: moment.wakeAtMs };
  }
  return { response: undefined, wakeAtMs: moment.wakeAtMs };
}

/** Of a type that neither the protocol nor the snapshot knows nothing is said, so that it disturbs no other (checklist 4). */
function maySpeak({ typeUrl, subscription, inFlight, urgent, muted }: TypeState, snapshot: Snapshot): boolean {
  if (subscription === undefined || muted) return false;
  if (inFlight.length > 0 && !urgent) return false;
  return isKnownType(typeUrl) || snapshot.has(typeUrl);
}

function dueOf(type: TypeState, circumstances: Circumstances): Due | undefined {
  if (circumstances.stream.form === 'delta') return deltaDue(type, circumstances);
  return isFullSet(type.typeUrl) ? fullSetDue(type, circumstances) : namedDue(type, circumstances);
}

/** Clusters and listeners: all that is subscribed to, since what is left out is deleted (checklist 27, 28). */
function fullSetDue(type: TypeState, { stream, snapshot, moment, order }: Circumstances): Due | undefined {
  const settled: string[] = [];
  const lingering: Resource[] = [];
  let isDue = type.answerDue;
  for (const [name, pending] of type.pending) {
    const resource = type.seen.resources.get(name);
    if (resource === undefined && pending.held !== undefined && !mayLeave(type, name, pending, stream, moment, order)) {
      lingering.push(pending.held);
      continue;
    }
    if (resource !== undefined && !mayGo(resource, pending, stream, snapshot, moment, order)) return undefined;
    isDue ||= resource !== undefined || pending.held !== undefined;
    settled.push(name);
  }
  if (!isDue) return undefined;
  const wanted = wantedOf(type);
  const resources = lingering.length === 0 ? wanted : [...wanted, ...lingering];
  const isWhole = lingering.length === 0 && type.subscription?.wildcard === true;
  const version = isWhole || type.seen.versionGiven ? type.seen.version : versionOfDigest(digestOf(resources));
  return { resources, removed: [], version, settled };
}

/** Endpoints, routes and secrets: those that are new to the client or have changed. What does not exist is waited for. */
function namedDue(type: TypeState, { stream, snapshot, moment, order }: Circumstances): Due | undefined {
  const changed: Resource[] = [];
  for (const [name, pending] of type.pending) {
    const resource = type.seen.resources.get(name);
    // This form cannot say that something is gone; what the client was sent of it is kept in mind.
    if (resource === undefined) {
      if (pending.held === undefined) type.pending.delete(name);
    } else if (mayGo(resource, pending, stream, snapshot, moment, order)) changed.push(resource);
  }
  const resources = type.answerDue ? wantedOf(type) : changed;
  const { version } = type.seen;
  if (resources.length === 0) return undefined;
  return { resources, removed: [], version, settled: resources.map(({ name }) => name) };
}

/** What has changed and may go, and what is gone and may leave. */
function deltaDue(type: TypeState, { stream, snapshot, moment, order }: Circumstances): Due | undefined {
  const resources: Resource[] = [];
  const removed: string[] = [];
  for (const [name, pending] of type.pending) {
    const resource = type.seen.resources.get(name);
    if (resource === undefined) {
      const isAway = pending.held === undefined || mayLeave(type, name, pending, stream, moment, order);
      // A name that is asked for and does not exist is told to be gone, at once (checklist 34).
      if (isAway) removed.push(name);
    } else if (mayGo(resource, pending, stream, snapshot, moment, order)) resources.push(resource);
  }
  if (resources.length === 0 && removed.length === 0 && !type.answerDue) return undefined;
  const settled = [...resources.map(({ name }) => name), ...removed];
  return { resources, removed, version: type.seen.version, settled };
}

function wantedOf({ seen, subscription }: TypeState): readonly Resource[] {
  if (subscription?.wildcard === true) return [...seen.resources.values()];
  return [...(subscription?.names ?? [])].flatMap((name) => seen.resources.get(name) ?? []);
}

function send(stream: StreamState, type: TypeState, { resources, removed, version, settled }: Due): DiscoveryResponse {
  stream.responses += 1;
  const nonce = String(stream.responses);
  const items = new Map<string, Sent>();
  const replaced: Resource[] = [];
  for (const name of settled) {
    const held = type.pending.get(name)?.held;
    const resource = type.seen.resources.get(name);
    const before = type.refused.has(name) ? type.refused.get(name) : held;
    if (wants(type.subscription ?? NOTHING, name)) items.set(name, { resource, before });
    type.pending.delete(name);
    if (resource === undefined) {
      type.warming.delete(name);
      continue;
    }
    if (before === undefined && type.typeUrl === TYPE_URLS.clusters) type.warming.add(name);
    if (held?.version !== resource.version) replaced.push(resource);
  }
  awaitAnswer(type, { nonce, version, items });
  Object.assign(type, { answerDue: false, urgent: false, lastNonce: nonce, sentVersion: version });
  for (const resource of replaced) partsDue(stream, resource);
  return { typeUrl: type.typeUrl, version, nonce, resources, removed };
}

const NOTHING = { names: new Set<string>(), wildcard: false, explicit: true };

/**
 * A cluster or listener that is replaced is warmed anew, for which the client needs its endpoints, routes and secrets
 * again, although they have not changed (checklist 48, 59).
 */
function partsDue(stream: StreamState, parent: Resource): void {
  for (const [typeUrl, names] of parent.references) {
    const part = isFullSet(typeUrl) ? undefined : typeStateOf(stream, typeUrl);
    if (part === undefined) continue;
    for (const name of names) if (part.subscription?.names.has(name) === true) owe(part, name, true);
  }
}

import { createResource } from '../cache/resource.ts';
import type { Resource } from '../cache/resource.ts';
import { changedNames, EMPTY_TYPE } from '../cache/type-snapshot.ts';
import type { TypeSnapshot } from '../cache/type-snapshot.ts';
import { pushRank, TYPE_URLS } from '../protobuf/type-urls.ts';
import type { Subscription } from './subscription.ts';
import { wants } from './subscription.ts';

/**
 * Where one stream stands. It is worked on in place, by the decisions in on-request.ts and next-response.ts alone, which
 * touch nothing else: with a thousand clients, copying what each has been sent for every change would cost more than all else.
 * For the same reason what a client has been sent is not kept name by name: it is what `seen` holds, except for `pending`.
 */
export type Form = 'sotw' | 'delta';

/** A name of which the client has not been sent what `seen` holds. */
export interface Pending {
  /** What it was last sent; undefined for nothing. */
  readonly held: Resource | undefined;
  /** Whether it is owed an answer even if nothing has changed. */
  readonly owed: boolean;
  /** Since when it has been held back for the sake of order; undefined while it is not. */
  heldBackAtMs: number | undefined;
  /** From when it may be taken away; undefined while something named it, or if nothing ever did. */
  releaseAtMs: number | undefined;
}

/** One name of a response that has not been answered. */
export interface Sent {
  /** Undefined where it was told to be gone. */
  readonly resource: Resource | undefined;
  /** What the client had of it before. */
  readonly before: Resource | undefined;
}

/** A response that has not been answered. */
export interface InFlight {
  readonly nonce: string;
  readonly version: string;
  readonly items: Map<string, Sent>;
}

/** Where a stream stands with one type. */
export interface TypeState {
  readonly typeUrl: string;
  /** Undefined until the client asks. */
  subscription: Subscription | undefined;
  /** The snapshot up to which changes have been noted. */
  seen: TypeSnapshot;
  readonly pending: Map<string, Pending>;
  /** Names whose last response was refused, with what the client had of them before and still has. */
  readonly refused: Map<string, Resource | undefined>;
  /** Unanswered responses, oldest first. A change of the snapshot waits for them, so that a slow client costs no memory (8). */
  inFlight: InFlight[];
  /** Whether a response is owed even if it is empty or unchanged. */
  answerDue: boolean;
  /** Whether what is due goes out although a response is unanswered: the subscription has changed. */
  urgent: boolean;
  /** Whether silence is kept until the client answers the latest response, or something changes: its last request was stale. */
  muted: boolean;
  /** Versions that the client said it has when it came (delta); read once. */
  initialVersions: ReadonlyMap<string, string> | undefined;
  /** Clusters that something may not name yet, since the client may not have them and their parts: new ones, and those it came with. */
  readonly warming: Set<string>;
  lastNonce: string;
  sentVersion: string;
  ackedVersion: string;
  /** Text of the last response's refusal; empty when it was acknowledged. */
  nackMessage: string;
}

/** Where one stream stands. Nothing of it outlives the stream (checklist 6). */
export interface StreamState {
  readonly form: Form;
  /** Whether an empty first request of a type asks for all of it (checklist 23). */
  readonly legacyWildcard: boolean;
  /** Types that have been asked for, in the order in which they go out. */
  readonly types: TypeState[];
  responses: number;
}

/** Gives the state of a stream on which nothing has been said. */
export function newStream(form: Form, legacyWildcard = true): StreamState {
  return { form, legacyWildcard, types: [], responses: 0 };
}

/** Gives a stream's state with one type; undefined if it has not been asked for. */
export function typeStateOf(stream: StreamState, typeUrl: string): TypeState | undefined {
  return stream.types.find((type) => type.typeUrl === typeUrl);
}

/** Gives a stream's state with one type, beginning it if need be. */
export function beginType(stream: StreamState, typeUrl: string): TypeState {
  const known = typeStateOf(stream, typeUrl);
  if (known !== undefined) return known;
  const begun: TypeState = {
    typeUrl,
    subscription: undefined,
    seen: EMPTY_TYPE,
    pending: new Map(),
    refused: new Map(),
    inFlight: [],
    answerDue: false,
    urgent: false,
    muted: false,
    initialVersions: undefined,
    warming: new Set(),
    lastNonce: '',
    sentVersion: '',
    ackedVersion: '',
    nackMessage: '',
  };
  stream.types.push(begun);
  stream.types.sort((a, b) => pushRank(a.typeUrl) - pushRank(b.typeUrl));
  return begun;
}

/** Gives what a client was last sent of a name; undefined for nothing. */
export function heldOf(type: TypeState, name: string): Resource | undefined {
  const pending = type.pending.get(name);
  if (pending !== undefined) return pending.held;
  if (type.subscription === undefined || !wants(type.subscription, name)) return undefined;
  return type.seen.resources.get(name);
}

/** Notes that a name must be sent, or looked at again. */
export function owe(type: TypeState, name: string, owed: boolean): void {
  const known = type.pending.get(name);
  const held = heldOf(type, name);
  type.pending.set(name, {
    held,
    owed: owed || known?.owed === true,
    heldBackAtMs: known?.heldBackAtMs,
    releaseAtMs: known?.releaseAtMs,
  });
}

/** Notes what has changed from the snapshot last seen to this one; what has changed back is no longer pending. */
export function advance(type: TypeState, current: TypeSnapshot, form: Form): void {
  const { subscription, pending } = type;
  if (subscription === undefined) return;
  if (type.initialVersions !== undefined) recallVersions(type, subscription, current);
  if (type.seen !== current) {
    for (const name of changedNames(type.seen, current)) {
      if (wants(subscription, name) && !pending.has(name)) owe(type, name, false);
    }
    const isNewVersion = current.versionGiven && type.sentVersion !== '' && current.version !== type.sentVersion;
    if (form === 'sotw' && isNewVersion) type.answerDue = true;
    type.seen = current;
    type.muted = false;
  }
  for (const [name, { held, owed }] of pending) {
    if (!owed && held?.version === current.resources.get(name)?.version) pending.delete(name);
  }
}

/**
 * Takes the versions that a returning client has for what it was sent last (checklist 40). Of a type of which it asks for
 * everything, what has not changed is then not sent again; names of which it asks singly are owed anyway (41).
 */
function recallVersions(type: TypeState, subscription: Subscription, current: TypeSnapshot): void {
  for (const [name, version] of type.initialVersions ?? []) {
    if (!wants(subscription, name) && current.resources.has(name)) continue;
    const held = createResource({ name, version, any: { type_url: type.typeUrl, value: Buffer.alloc(0) } });
    const owed = type.pending.get(name)?.owed === true;
    type.pending.set(name, { held, owed, heldBackAtMs: undefined, releaseAtMs: undefined });
    // The connection may have been lost before its endpoints came: that it has the cluster does not say that it can be named.
    if (type.typeUrl === TYPE_URLS.clusters) type.warming.add(name);
  }
  type.initialVersions = undefined;
}

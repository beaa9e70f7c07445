import type { Resource } from '../cache/resource.ts';
import type { TypeSnapshot } from '../cache/type-snapshot.ts';
import { isFullSet } from '../protobuf/type-urls.ts';
import type { DiscoveryResponse } from './next-response.ts';
import { awaitAnswer } from './on-request.ts';
import type { StreamState, TypeState } from './stream-state.ts';
import { wants } from './subscription.ts';

/** A renewal of times to live. */
export interface Heartbeat {
  readonly response: DiscoveryResponse;
  /** Names that are sent without content. */
  readonly names: ReadonlySet<string>;
}

export interface HeartbeatDecision {
  readonly heartbeat: Heartbeat | undefined;
  /** When the next one is due, in the caller's milliseconds. */
  readonly wakeAtMs: number | undefined;
}

/** Heartbeats come so often within a time to live that one may be lost. */
const BEATS_PER_TTL = 3;

/**
 * Decides which resources' times to live are to be renewed now, and notes it as sent (checklist 62). `lastAtMs` holds when a
 * type's were last told. A delta heartbeat is a name, a version and a time, without content. In the
 * state-of-the-world form resources are sent whole again, as the protocol also has it: clients delete what a full set leaves
 * out, and Envoy (1.40) does not take a heartbeat without content for a renewal there.
 */
export function nextHeartbeat(stream: StreamState, lastAtMs: Map<string, number>, nowMs: number): HeartbeatDecision {
  let wakeAtMs: number | undefined;
  for (const type of stream.types) {
    const renewed = type.lastNonce === '' ? [] : mortalOf(type.seen).filter(({ name }) => isHeld(type, name));
    if (renewed.length === 0) continue;
    const last = lastAtMs.get(type.typeUrl) ?? nowMs;
    lastAtMs.set(type.typeUrl, last);
    const dueAtMs = last + Math.min(...renewed.map(({ ttlMs }) => ttlMs ?? Infinity)) / BEATS_PER_TTL;
    if (dueAtMs > nowMs) {
      wakeAtMs = Math.min(wakeAtMs ?? Infinity, dueAtMs);
    } else if (type.inFlight.length === 0) {
      lastAtMs.set(type.typeUrl, nowMs);
      return { heartbeat: beat(stream, type, renewed), wakeAtMs: undefined };
    }
  }
  return { heartbeat: undefined, wakeAtMs };
}

/** Whether the client was sent what is served of a name. */
function isHeld({ subscription, pending }: TypeState, name: string): boolean {
  return subscription !== undefined && wants(subscription, name) && !pending.has(name);
}

function beat(stream: StreamState, type: TypeState, renewed: readonly Resource[]): Heartbeat {
  const { typeUrl, sentVersion: version } = type;
  stream.responses += 1;
  const nonce = String(stream.responses);
  type.lastNonce = nonce;
  awaitAnswer(type, { nonce, version, items: new Map() });
  const isSet = stream.form === 'sotw' && isFullSet(typeUrl);
  const resources = isSet ? [...type.seen.resources.values()].filter(({ name }) => isHeld(type, name)) : renewed;
  const names = new Set(stream.form === 'sotw' ? [] : renewed.map(({ name }) => name));
  return { response: { typeUrl, version, nonce, resources, removed: [] }, names };
}

const mortals = new WeakMap<TypeSnapshot, readonly Resource[]>();

/** Gives the resources that have a time to live. */
function mortalOf(type: TypeSnapshot): readonly Resource[] {
  const known = mortals.get(type);
  if (known !== undefined) return known;
  const found = [...type.resources.values()].filter(({ ttlMs }) => ttlMs !== undefined);
  mortals.set(type, found);
  return found;
}

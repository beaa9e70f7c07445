import { heldOf } from '../ads/stream-state.ts';
import type { StreamState, TypeState } from '../ads/stream-state.ts';
import type { Snapshot, TypeSnapshot } from '../cache/type-snapshot.ts';
import { EMPTY_TYPE } from '../cache/type-snapshot.ts';

/** Why a node has something else than it is to have. */
export type DiffReason = 'PENDING' | 'UNANSWERED' | 'REFUSED';

/** One resource of which a node has something else than it is to have; versions are empty for none. */
export interface ResourceDiff {
  readonly typeUrl: string;
  readonly name: string;
  readonly wantedVersion: string;
  readonly heldVersion: string;
  readonly reason: DiffReason;
}

/** Gives where a stream differs from what its client is to have, by type and name. Only what it asked for counts. */
export function driftOf(stream: StreamState, wanted: Snapshot | undefined): readonly ResourceDiff[] {
  return stream.types.flatMap((type) => typeDrift(type, wanted?.get(type.typeUrl) ?? EMPTY_TYPE));
}

function typeDrift(type: TypeState, wanted: TypeSnapshot): readonly ResourceDiff[] {
  const { subscription } = type;
  if (subscription === undefined) return [];
  // A client that has been refused nothing and is sent all has what was last seen, but for what is pending.
  const names = new Set([...type.pending.keys(), ...type.refused.keys(), ...unanswered(type)]);
  if (type.seen !== wanted)
    for (const name of [...type.seen.resources.keys(), ...wanted.resources.keys()]) names.add(name);
  return [...names].sort().flatMap((name) => {
    if (!subscription.wildcard && !subscription.names.has(name)) return [];
    const diff = resourceDrift(type, name, wanted.resources.get(name)?.version ?? '');
    return diff === undefined ? [] : [diff];
  });
}

function resourceDrift(type: TypeState, name: string, wantedVersion: string): ResourceDiff | undefined {
  const common = { typeUrl: type.typeUrl, name, wantedVersion };
  const sentVersion = heldOf(type, name)?.version ?? '';
  if (sentVersion !== wantedVersion) return { ...common, heldVersion: sentVersion, reason: 'PENDING' };
  const flying = type.inFlight.map(({ items }) => items.get(name)).find((sent) => sent !== undefined);
  if (flying !== undefined) return { ...common, heldVersion: flying.before?.version ?? '', reason: 'UNANSWERED' };
  if (!type.refused.has(name)) return undefined;
  return { ...common, heldVersion: type.refused.get(name)?.version ?? '', reason: 'REFUSED' };
}

function unanswered({ inFlight }: TypeState): readonly string[] {
  return inFlight.flatMap(({ items }) => [...items.keys()]);
}

/** What of a secret may not be shown, wherever it stands (checklist 60). */
const SECRET_FIELDS: ReadonlySet<string> = new Set([
  'private_key',
  'password',
  'session_ticket_keys',
  'generic_secret',
  'local_jwks',
]);

/** Gives a resource's content as JSON, with what is secret taken out and bytes as text. */
export function shownContent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shownContent);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key, SECRET_FIELDS.has(key) ? '[redacted]' : shownContent(field)]),
  );
}

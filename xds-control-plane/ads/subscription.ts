import { isFullSet } from '../protobuf/type-urls.ts';

/** What a client asks for, of one type. */
export interface Subscription {
  readonly names: ReadonlySet<string>;
  /** Everything there is. */
  readonly wildcard: boolean;
  /** Whether names were ever given: from then on an empty list means nothing, no longer everything (checklist 22). */
  readonly explicit: boolean;
}

/** What a subscription has come to by a request. */
export interface SubscriptionChange {
  readonly next: Subscription;
  /** Names to send even if the client has them: just subscribed to, or (delta) taken out of a wildcard's names. */
  readonly owed: readonly string[];
  /** Whether everything is asked for that was not before. */
  readonly widened: boolean;
}

export const WILDCARD = '*';

/** Tells whether a name is subscribed to. */
export function wants({ wildcard, names }: Subscription, name: string): boolean {
  return wildcard || names.has(name);
}

/** Reads the list of a state-of-the-world request, which is the whole subscription (checklist 21-26). */
export function readNames(
  typeUrl: string,
  before: Subscription | undefined,
  names: readonly string[],
  legacyWildcard: boolean,
): SubscriptionChange {
  if (before !== undefined && isSameList(before, names)) return { next: before, owed: [], widened: false };
  const explicit = before?.explicit === true || names.length > 0;
  const wildcard = names.includes(WILDCARD) || (!explicit && legacyWildcard && isFullSet(typeUrl));
  const next = { names: new Set(names.filter((name) => name !== WILDCARD)), wildcard, explicit };
  return {
    next,
    owed: [...next.names].filter((name) => before?.names.has(name) !== true),
    widened: wildcard && before?.wildcard !== true,
  };
}

/** Most requests acknowledge and repeat the list. */
function isSameList({ names, wildcard, explicit }: Subscription, list: readonly string[]): boolean {
  if (list.length === 0) return names.size === 0 && (!explicit || !wildcard);
  return !wildcard && list.length === names.size && list.every((name) => names.has(name));
}

/** Reads the changes of a delta request (checklist 34-38). */
export function readChanges(
  typeUrl: string,
  before: Subscription | undefined,
  subscribe: readonly string[],
  unsubscribe: readonly string[],
  legacyWildcard: boolean,
): SubscriptionChange {
  if (before !== undefined && subscribe.length === 0 && unsubscribe.length === 0) {
    return { next: before, owed: [], widened: false };
  }
  const isLegacy = before === undefined && subscribe.length === 0 && legacyWildcard && isFullSet(typeUrl);
  const names = new Set(before?.names);
  const taken = unsubscribe.filter((name) => names.delete(name));
  const given = subscribe.filter((name) => name !== WILDCARD);
  for (const name of given) names.add(name);
  const asked = subscribe.includes(WILDCARD);
  const kept = before?.wildcard === true && !unsubscribe.includes(WILDCARD);
  const wildcard = isLegacy || asked || kept;
  return {
    next: { names, wildcard, explicit: true },
    // A name taken out of a wildcard subscription is answered: the client cannot know whether it is still served (37).
    owed: [...given, ...(kept ? taken.filter((name) => !names.has(name)) : [])],
    widened: isLegacy || asked,
  };
}

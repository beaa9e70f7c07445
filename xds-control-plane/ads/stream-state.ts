import type { Resource } from '../cache/snapshot.ts';
import type { ResourceType } from '../protobuf/type-urls.ts';
import type { ViewKind } from '../resources/content.ts';

/** What a client asks for, of one type. */
export interface Subscription {
  readonly names: ReadonlySet<string>;
  /** Everything there is; only clusters and listeners can be asked for so. */
  readonly wildcard: boolean;
  /** Whether names were ever given: from then on an empty list means nothing, no longer everything (checklist 22). */
  readonly explicit: boolean;
}

/** A response that has not been answered. One a type at most, so that a slow client costs no memory (checklist 8). */
export interface InFlight {
  readonly nonce: string;
  readonly version: string;
  readonly resources: readonly Resource[];
}

/** Where a stream stands with one type. */
export interface TypeState {
  /** Undefined until the client asks. */
  readonly subscription: Subscription | undefined;
  /** Names that must be sent even though they have not changed: just subscribed, or named by what was just replaced. */
  readonly due: ReadonlySet<string>;
  /** Whether a response is owed even if it is empty or unchanged. */
  readonly answerDue: boolean;
  /** What was last sent, by name. */
  readonly sent: ReadonlyMap<string, Resource>;
  /** What was last acknowledged, by name: what the client has for certain. */
  readonly acked: ReadonlyMap<string, Resource>;
  /** Names whose last response was acknowledged or refused: nothing is gained by waiting for them any longer. */
  readonly settled: ReadonlySet<string>;
  readonly inFlight: InFlight | undefined;
  readonly sentVersion: string;
  readonly ackedVersion: string;
  /** Text of the last response's refusal; empty when it was acknowledged. */
  readonly nackMessage: string;
}

/** Where one ADS stream stands. Nothing of it outlives the stream (checklist 6). */
export interface StreamState {
  readonly kind: ViewKind;
  readonly types: Readonly<Record<ResourceType, TypeState>>;
  /**
   * Clusters that are gone but still sent, with the time from which they may be taken away: Infinity while a listener or
   * route that the client has names them.
   */
  readonly lingering: ReadonlyMap<string, number>;
  readonly responses: number;
}

const UNASKED: TypeState = {
  subscription: undefined,
  due: new Set(),
  answerDue: false,
  sent: new Map(),
  acked: new Map(),
  settled: new Set(),
  inFlight: undefined,
  sentVersion: '',
  ackedVersion: '',
  nackMessage: '',
};

/** Gives the state of a stream on which nothing has been said. */
export function newStream(kind: ViewKind): StreamState {
  return {
    kind,
    types: { clusters: UNASKED, endpoints: UNASKED, listeners: UNASKED, routes: UNASKED, secrets: UNASKED },
    lingering: new Map(),
    responses: 0,
  };
}

/** Gives a stream with one type's state replaced in part. */
export function withType(state: StreamState, type: ResourceType, change: Partial<TypeState>): StreamState {
  return { ...state, types: { ...state.types, [type]: { ...state.types[type], ...change } } };
}

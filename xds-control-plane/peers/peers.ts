import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logging.ts';
import type { Store } from '../../core/store/store.ts';
import { peerRecordSchema } from './peer-record.ts';
import type { PeerRecord } from './peer-record.ts';

/** The other control planes of the mesh, met in the store. */
export interface Peers {
  /** There is something new to tell: tells it at once. */
  changed(): void;
  close(): Promise<void>;
}

export interface PeersOptions {
  /** This control plane, unique among all and over restarts. */
  readonly id: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** Gives what the others are to know. */
  readonly tell: () => PeerRecord;
  /** Takes what the others know, by their ids. */
  readonly hear: (records: ReadonlyMap<string, PeerRecord>) => void;
  /** Done at the end of each round. */
  readonly then: () => Promise<void>;
}

/** Time between two rounds: adds to the time that a breaker's opening takes to every Envoy. */
const INTERVAL_MS = 100;
const MEMBERS_KEY = 'control-plane/members';
/** A record that is not told again ends with this. */
const RECORD_TTL_MS = 10_000;
const REFRESH_MS = 3_000;
/** Generous, since the clocks of machines differ. */
const MEMBER_TTL_MS = 60_000;
const MEMBER_REFRESH_MS = 10_000;

const membersSchema = z.record(z.string(), z.number());

/**
 * Tells the other control planes what this one has heard, and hears them, round by round. Nothing waits for it: while the store
 * is away each goes on with what it knows, and a round later all know everything again, since what is told are whole states.
 */
export function startPeers(options: PeersOptions): Peers {
  const { id, store, clock, log } = options;
  let cancel: () => void = () => undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let closed = false;
  let isUp = true;
  let told: { readonly record: PeerRecord; readonly atMs: number } | undefined;

  const members = async (): Promise<readonly string[]> => {
    const held = await store.get(MEMBERS_KEY);
    const { data: known = {} } = membersSchema.safeParse(held ?? {});
    const nowMs = clock.nowMs();
    if (nowMs - (known[id] ?? 0) >= MEMBER_REFRESH_MS) {
      const there = Object.entries(known).filter(([, atMs]) => nowMs - atMs < MEMBER_TTL_MS);
      // When another was first, the next round tries again.
      await store.compareAndSet(MEMBERS_KEY, held, { ...Object.fromEntries(there), [id]: nowMs });
    }
    return Object.keys(known).filter((each) => each !== id);
  };
  const tell = async (): Promise<void> => {
    const record = options.tell();
    const atMs = clock.monotonicMs();
    if (told !== undefined && atMs - told.atMs < REFRESH_MS && isDeepStrictEqual(told.record, record)) return;
    await store.set(keyOf(id), record, { ttlMs: RECORD_TTL_MS });
    told = { record, atMs };
  };
  const round = async (): Promise<void> => {
    await tell();
    const others = await members();
    const records = await Promise.all(
      others.map(async (each) => [each, peerRecordSchema.safeParse(await store.get(keyOf(each)))] as const),
    );
    options.hear(new Map(records.flatMap(([each, { data }]) => (data === undefined ? [] : [[each, data] as const]))));
    await options.then();
  };
  const turn = (up: boolean, error?: unknown): void => {
    if (up === isUp) return;
    isUp = up;
    if (up) log.info({ event: 'peers_back' });
    else log.warn({ event: 'peers_away', error: messageOf(error), detail: 'this control plane goes on by itself' });
  };
  const run = async (): Promise<void> => {
    again = false;
    try {
      await round();
      turn(true);
    } catch (error) {
      told = undefined;
      if (!isClosed()) turn(false, error);
    }
    running = undefined;
    if (!isClosed()) schedule(isAsked() ? 0 : INTERVAL_MS);
  };
  const isClosed = (): boolean => closed;
  const isAsked = (): boolean => again;
  const schedule = (ms: number): void => {
    cancel();
    cancel = clock.after(ms, () => {
      running = run();
    });
  };
  schedule(0);
  return {
    changed: () => {
      if (running !== undefined) again = true;
      else if (!isClosed()) schedule(0);
    },
    close: async () => {
      closed = true;
      cancel();
      await running;
    },
  };
}

function keyOf(id: string): string {
  return `control-plane/peer/${id}`;
}

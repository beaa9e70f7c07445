import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logging.ts';
import type { Store } from '../../core/store/store.ts';
import { isDue, membersSchema, othersOf, withMember, type Members } from './members.ts';
import type { SharedPart } from './shared-part.ts';

export interface SharedStateOptions {
  /** Unique among the routers of a store, and the same after a restart. */
  readonly routerId: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly parts: readonly SharedPart[];
  /** Time between two rounds, in milliseconds. */
  readonly intervalMs: number;
  /** Told of each round that failed. */
  readonly onFailure: () => void;
}

export interface SharedState {
  /** Whether the last round reached the store. */
  readonly isUp: boolean;
  /** Other routers that are there. */
  readonly peers: number;
  /** Tells the store a last time, if it is there. */
  close(): Promise<void>;
}

const MEMBERS_KEY = 'router/members';
/** What has been heard of a router so long ago that it may have told more in between, in milliseconds. */
const CONTINUOUS_MS = 5_000;
/** Part of a record's life after which it is told again although nothing is new. */
const REFRESH_FRACTION = 1 / 3;

const recordSchema = z.object({ boot: z.string(), version: z.number(), told: z.unknown() });

/**
 * Shares the parts with the other routers of a store, round by round: says that this router is there, tells what is new,
 * hears what is new. Resolves after the first round, in which what it knew before is restored. Nothing of a request waits for it, and a
 * store that is away changes nothing but that routers know less of one another: what is told are whole states, so all is there again
 * one round after the store is.
 */
export async function shareState(options: SharedStateOptions): Promise<SharedState> {
  const { clock, intervalMs } = options;
  const round = createRound(options);
  await round.run();
  let running: Promise<void> | undefined;
  const stop = clock.every(intervalMs, () => {
    // A slow store skips a turn; the next one tells the latest state.
    running ??= round.run().finally(() => {
      running = undefined;
    });
  });
  return {
    get isUp() {
      return round.isUp;
    },
    get peers() {
      return round.peers;
    },
    async close() {
      stop();
      await running;
      await round.run();
    },
  };
}

interface Round {
  /** Does one round; never rejects. */
  run(): Promise<void>;
  readonly isUp: boolean;
  readonly peers: number;
}

function createRound(options: SharedStateOptions): Round {
  const { routerId, store, clock, log, parts } = options;
  const teller = createTeller(options);
  const listener = createListener(options);
  let isUp = true;
  let restored = false;
  let peers = 0;

  const restore = async (): Promise<void> => {
    const records = await Promise.all(parts.map((part) => store.get(keyOf(routerId, part))));
    for (const [index, part] of parts.entries()) {
      const record = recordSchema.safeParse(records[index]);
      if (record.success) part.restore(record.data.told);
    }
    restored = true;
  };
  const round = async (): Promise<void> => {
    if (!restored) await restore();
    const members = await teller.join();
    await teller.tell();
    const others = othersOf(members, routerId, clock.nowMs());
    peers = others.filter(({ isThere }) => isThere).length;
    await listener.hear(others);
  };
  const turn = (up: boolean, error?: unknown): void => {
    if (up === isUp) return;
    isUp = up;
    if (up) log.info({ event: 'shared_state_back' });
    else log.warn({ event: 'shared_state_away', error: messageOf(error), detail: 'this router goes on by itself' });
  };

  return {
    async run() {
      try {
        await round();
        turn(true);
      } catch (error) {
        turn(false, error);
        teller.forget();
        options.onFailure();
      }
      // Also what could be heard before a failure is put in place.
      for (const part of parts) part.settle();
    },
    get isUp() {
      return isUp;
    },
    get peers() {
      return peers;
    },
  };
}

interface Teller {
  /** Says that this router is there when that is due; gives all that are. */
  join(): Promise<Members>;
  tell(): Promise<void>;
  /** Has everything told anew: the store may have lost it. */
  forget(): void;
}

function createTeller({ routerId, store, clock, parts }: SharedStateOptions): Teller {
  const boot = randomUUID();
  const told = new Map<SharedPart, { readonly version: number; readonly atMs: number }>();
  const isNews = (part: SharedPart): boolean => {
    const last = told.get(part);
    return (
      last === undefined ||
      last.version !== part.version ||
      clock.monotonicMs() - last.atMs >= part.ttlMs * REFRESH_FRACTION
    );
  };
  const tellOne = async (part: SharedPart): Promise<void> => {
    const { version } = part;
    const atMs = clock.monotonicMs();
    await store.set(keyOf(routerId, part), { boot, version, told: part.tell() }, { ttlMs: part.ttlMs });
    told.set(part, { version, atMs });
  };
  return {
    async join() {
      const held = await store.get(MEMBERS_KEY);
      const parsed = membersSchema.safeParse(held ?? {});
      const members = parsed.success ? parsed.data : {};
      const nowMs = clock.nowMs();
      if (!isDue(members, routerId, nowMs)) return members;
      // Not there: the store is new, or has lost what it held.
      if (members[routerId] === undefined) told.clear();
      const next = withMember(members, routerId, nowMs);
      // When another was first, the next round tries again.
      return (await store.compareAndSet(MEMBERS_KEY, held, next)) ? next : members;
    },
    async tell() {
      await Promise.all(parts.filter(isNews).map(tellOne));
    },
    forget() {
      told.clear();
    },
  };
}

interface Listener {
  hear(others: readonly { readonly id: string; readonly isThere: boolean }[]): Promise<void>;
}

function createListener({ store, clock, parts }: SharedStateOptions): Listener {
  /** By key: which version was heard, and when it was listened to last. */
  const heard = new Map<string, { readonly stamp: string; readonly atMs: number }>();
  const hearOne = async (id: string, part: SharedPart): Promise<void> => {
    const key = keyOf(id, part);
    const record = recordSchema.safeParse(await store.get(key));
    const atMs = clock.monotonicMs();
    const last = heard.get(key);
    const stamp = record.success ? `${record.data.boot}/${record.data.version}` : (last?.stamp ?? '');
    heard.set(key, { stamp, atMs });
    if (!record.success || stamp === last?.stamp) return;
    const sameRun = last?.stamp.startsWith(`${record.data.boot}/`) ?? false;
    part.hear(id, record.data.told, sameRun && last !== undefined && atMs - last.atMs < CONTINUOUS_MS);
  };
  return {
    async hear(others) {
      const wanted = others.flatMap(({ id, isThere }) =>
        parts.filter((part) => isThere || !heard.has(keyOf(id, part))).map((part) => hearOne(id, part)),
      );
      await Promise.all(wanted);
    },
  };
}

function keyOf(routerId: string, part: SharedPart): string {
  return `router/state/${routerId}/${part.name}`;
}

import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logging.ts';
import type { Json, Store } from '../../core/store/store.ts';
import type { Rollout } from './rollout.ts';
import { sharedRampsSchema } from './saved-ramps.ts';

/** Has one of several control planes decide on ramps, and the others follow. */
export interface RampConductor {
  /** Does one turn: leads, follows, or takes over. Rejects when the store cannot be reached; ramps then stay as they are. */
  turn(): Promise<void>;
  isLeading(): boolean;
}

export interface RampConductorOptions {
  /** This control plane, unique among all and over restarts. */
  readonly id: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly rollout: Pick<Rollout, 'propose' | 'follow'>;
  /** Whether the modules are known here: who does not know them cannot decide. */
  readonly isReady: () => boolean;
}

const KEY = 'control-plane/ramps';
const BEAT_MS = 1_000;
/**
 * A leader of which nothing has been heard for so long is followed by another. Seen by the follower's own clock, since those of
 * two machines may differ (as client-go's leader election does); overlapping leaders cannot both write, since each compares
 * with what it read.
 */
const LEASE_MS = 3_000;

const documentSchema = z.object({ holder: z.string(), beat: z.int(), ramps: sharedRampsSchema });
type RampDocument = z.output<typeof documentSchema>;

/** Gives a conductor that follows until it finds nobody to follow. */
export function createRampConductor({ id, store, clock, log, rollout, isReady }: RampConductorOptions): RampConductor {
  let seen = '';
  let seenAtMs = clock.monotonicMs();
  let leading = false;
  let ledAtMs = -Infinity;

  const lead = async (held: Json | undefined, beat: number): Promise<void> => {
    const { ramps, commit } = rollout.propose();
    ledAtMs = clock.monotonicMs();
    const isMine = await store.compareAndSet(KEY, held, { holder: id, beat: beat + 1, ramps });
    if (isMine) commit();
    if (leading !== isMine) log.info({ event: isMine ? 'ramps_led' : 'ramps_followed' });
    leading = isMine;
  };
  return {
    turn: async () => {
      const held = await store.get(KEY);
      const parsed = documentSchema.safeParse(held);
      const document: RampDocument | undefined = parsed.success ? parsed.data : undefined;
      const nowMs = clock.monotonicMs();
      const stamp = document === undefined ? '' : `${document.holder} ${document.beat}`;
      const isNews = stamp !== seen;
      if (isNews) [seen, seenAtMs] = [stamp, nowMs];
      if (document?.holder === id) {
        if (isReady() && nowMs - ledAtMs >= BEAT_MS) await lead(held, document.beat);
        return;
      }
      if (leading) log.info({ event: 'ramps_followed' });
      leading = false;
      if (document !== undefined && isNews) rollout.follow(document.ramps);
      const isFree = document === undefined || nowMs - seenAtMs >= LEASE_MS;
      if (isFree && isReady()) await lead(held, document?.beat ?? 0);
    },
    isLeading: () => leading,
  };
}

import type { Clock } from '../core/clock.ts';

export type Phase = 'STARTING' | 'READY' | 'UNHEALTHY' | 'DRAINING';

/** A replica at one time; replaced at each change, never edited. */
export interface StatusView {
  readonly phase: Phase;
  /** Why the workload is not healthy; empty when it is. */
  readonly reason: string;
  readonly inFlight: number;
  readonly queued: number;
  readonly completedTotal: number;
  readonly observedAtMs: number;
}

export interface ReplicaStatusOptions {
  readonly clock: Clock;
  readonly counts: () => Pick<StatusView, 'inFlight' | 'queued' | 'completedTotal'>;
}

/** The replica's phase and counts, and those who watch them. */
export interface ReplicaStatus {
  readonly phase: Phase;
  view(): StatusView;
  setHealth(phase: Exclude<Phase, 'DRAINING'>, reason: string): void;
  /** DRAINING is for good: health no longer changes the phase. */
  setDraining(): void;
  /** Tells that the counts have changed; watchers hear of it at most every 200 ms. */
  countsChanged(): void;
  /** Gives the status now, at each change, and each second as a sign of life, until the signal aborts. Changes missed by a slow reader are skipped. */
  watch(signal: AbortSignal): AsyncGenerator<StatusView, void, undefined>;
  /** Ends all watches. */
  close(): void;
}

const COUNTS_INTERVAL_MS = 200;
/** The loader expects one so often (loader/drivers/process/follow-status.ts). */
const BEAT_MS = 1_000;

/** Gives a status that stands at STARTING. */
export function createReplicaStatus({ clock, counts }: ReplicaStatusOptions): ReplicaStatus {
  let phase: Phase = 'STARTING';
  let reason = 'the workload is starting';
  const watchers = new Set<() => void>();
  const closed = new AbortController();
  let cancelTimer: (() => void) | undefined;

  const view = (): StatusView => ({ phase, reason, ...counts(), observedAtMs: clock.nowMs() });
  const wakeAll = (): void => {
    for (const wake of watchers) wake();
  };
  const set = (next: Phase, why: string): void => {
    if (phase === 'DRAINING' || (phase === next && reason === why)) return;
    phase = next;
    reason = why;
    wakeAll();
  };
  const countsChanged = (): void => {
    if (watchers.size === 0 || cancelTimer !== undefined) return;
    cancelTimer = clock.after(COUNTS_INTERVAL_MS, () => {
      cancelTimer = undefined;
      wakeAll();
    });
  };

  async function* watch(signal: AbortSignal): AsyncGenerator<StatusView, void, undefined> {
    const gate = createGate([signal, closed.signal]);
    watchers.add(gate.open);
    const endBeats = clock.every(BEAT_MS, gate.open);
    try {
      while (!signal.aborted && !closed.signal.aborted) {
        gate.shut();
        yield view();
        await gate.opened();
      }
    } finally {
      endBeats();
      watchers.delete(gate.open);
      gate.close();
    }
  }

  return {
    get phase() {
      return phase;
    },
    view,
    setHealth: set,
    setDraining: () => {
      set('DRAINING', 'the replica finishes its last queries');
    },
    countsChanged,
    watch,
    close: () => {
      closed.abort();
      cancelTimer?.();
    },
  };
}

interface Gate {
  readonly open: () => void;
  shut(): void;
  opened(): Promise<void>;
  close(): void;
}

/** A gate that remembers being opened until it is shut, so that no change between two reads is lost. */
function createGate(openers: readonly AbortSignal[]): Gate {
  let isOpen = false;
  let resume: (() => void) | undefined;
  const open = (): void => {
    isOpen = true;
    resume?.();
  };
  for (const signal of openers) signal.addEventListener('abort', open, { once: true });
  return {
    open,
    shut: () => {
      isOpen = false;
    },
    opened: () =>
      isOpen
        ? Promise.resolve()
        : new Promise((resolve) => {
            resume = resolve;
          }),
    close: () => {
      for (const signal of openers) signal.removeEventListener('abort', open);
    },
  };
}

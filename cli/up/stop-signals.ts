import type { Clock } from '../../core/clock.ts';

/** A Ctrl-C may arrive twice at once, from the terminal and from a parent that passes it on; that is one wish. */
const SAME_WISH_MS = 500;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Where signals come from; the process itself. */
export type SignalSource = Pick<NodeJS.Process, 'on' | 'once' | 'off'>;

/**
 * Calls `onStop` once, at the first SIGINT, SIGTERM, SIGHUP or loss of the parent, and `onImpatience` when a person presses Ctrl-C
 * again after that. A repeated SIGTERM changes nothing: service managers send it more than once.
 * Gives a function that ends the listening.
 */
export function listenForStop(
  source: SignalSource,
  clock: Clock,
  onStop: () => void,
  onImpatience: () => void,
): () => void {
  let firstMs: number | undefined;
  const onSignal = (signal?: NodeJS.Signals): void => {
    const nowMs = clock.monotonicMs();
    if (firstMs === undefined) {
      firstMs = nowMs;
      onStop();
    } else if (signal === 'SIGINT' && nowMs - firstMs > SAME_WISH_MS) onImpatience();
  };
  const onDisconnect = (): void => {
    onSignal();
  };
  for (const signal of SIGNALS) source.on(signal, onSignal);
  source.once('disconnect', onDisconnect);
  return () => {
    for (const signal of SIGNALS) source.off(signal, onSignal);
    source.off('disconnect', onDisconnect);
  };
}

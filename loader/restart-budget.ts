/** How often a module may be restarted because its answers fail. */
export interface RestartPolicy {
  readonly maxRestarts: number;
  readonly windowMs: number;
  /** Wait after the first restart in milliseconds; each further one within the window doubles it. */
  readonly spacingMs: number;
}

export type RestartVerdict =
  | { readonly kind: 'granted'; /** Restarts to remember. */ readonly pastMs: readonly number[] }
  | { readonly kind: 'refused'; readonly why: string; readonly retryAfterMs: number };

/** Decides whether a module is restarted once more, from when it was before, oldest first. */
export function restartVerdict(pastMs: readonly number[], nowMs: number, policy: RestartPolicy): RestartVerdict {
  const recent = pastMs.filter((atMs) => nowMs - atMs < policy.windowMs);
  const [oldest] = recent;
  const latest = recent.at(-1);
  if (oldest === undefined || latest === undefined) return { kind: 'granted', pastMs: [nowMs] };
  if (recent.length >= policy.maxRestarts) {
    const why = `it was restarted ${recent.length} times within ${Math.round(policy.windowMs / 1000)} s already`;
    return { kind: 'refused', why, retryAfterMs: oldest + policy.windowMs - nowMs };
  }
  const waitMs = latest + policy.spacingMs * 2 ** (recent.length - 1) - nowMs;
  if (waitMs > 0) return { kind: 'refused', why: 'it was restarted a short time ago', retryAfterMs: waitMs };
  return { kind: 'granted', pastMs: [...recent, nowMs] };
}

import type { ExecutionEvent } from '../domain/events.ts';
import type { HoldRule } from '../resilience/hold-rule.ts';

export type TokenEvent = Extract<ExecutionEvent, { kind: 'token' }>;

/** Tokens of one attempt on their way to the client, held back for a while. */
export interface HoldBack {
  /** Takes a token and gives those that are to be sent now. */
  offer(token: TokenEvent, nowMs: number): readonly TokenEvent[];
  /** Gives all that is held, to be sent now. */
  release(): readonly TokenEvent[];
  /** Whether a token has been given out. */
  readonly shown: boolean;
  /** Text that has been given out. */
  readonly shownText: string;
  /** When the first token came. */
  readonly firstAtMs: number | undefined;
  /** Tokens taken, given out or not. */
  readonly count: number;
}

/** Creates an empty hold-back. Time is looked at when a token comes: while none does, there is nothing to send. */
export function createHoldBack(rule: HoldRule): HoldBack {
  let held: TokenEvent[] = [];
  let open = rule.kind === 'none';
  let firstMs: number | undefined;
  let count = 0;
  const shown: string[] = [];
  const isOver = (nowMs: number): boolean => {
    if (rule.kind === 'none') return true;
    const waitedMs = nowMs - (firstMs ?? nowMs);
    return rule.kind === 'whole' ? waitedMs >= rule.maxMs : waitedMs >= rule.ms || held.length >= rule.tokens;
  };
  const release = (): readonly TokenEvent[] => {
    const released = held;
    held = [];
    open ||= released.length > 0;
    for (const { text } of released) shown.push(text);
    return released;
  };
  return {
    offer(token, nowMs) {
      firstMs ??= nowMs;
      count += 1;
      held.push(token);
      return open || isOver(nowMs) ? release() : [];
    },
    release,
    get firstAtMs() {
      return firstMs;
    },
    get shown() {
      return shown.length > 0;
    },
    get shownText() {
      return shown.join('');
    },
    get count() {
      return count;
    },
  };
}

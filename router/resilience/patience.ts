import type { Orchestration } from '../../core/config/schema.ts';
import type { ClassHistory } from '../decide/module-status.ts';

/** How long a module is waited for while another one could answer. */
export interface Patience {
  readonly firstTokenMs: number;
  readonly betweenTokensMs: number;
  /** Least speed; 0 sets no limit. */
  readonly tokensPerSecond: number;
  readonly windowMs: number;
  readonly activationMs: number;
}

/**
 * How a module is called: `tokens` as they come; `beats` for a whole answer with signs of life before it, so that a stall or a
 * drip is seen; `whole` without either, which is cheaper and as safe when the module is known to be fast.
 */
export type CallForm = 'tokens' | 'beats' | 'whole';

/** What one attempt is given. */
export interface AttemptBounds {
  readonly form: CallForm;
  /** In milliseconds since the epoch. */
  readonly deadlineMs: number;
  /** Limits for the stages, when another module could still answer. */
  readonly patience: Patience | undefined;
}

export interface BoundsInput {
  readonly patience: Patience;
  /** How long this module's first token is worth waiting for, as was learned, in milliseconds. */
  readonly tunedFirstTokenMs?: number | undefined;
  /** Whether another module could answer after this one. */
  readonly othersRemain: boolean;
  readonly streaming: boolean;
  readonly history: ClassHistory | undefined;
  /** Longest time of one attempt, in milliseconds. */
  readonly requestMs: number;
  readonly nowMs: number;
  /** The request's own deadline, in milliseconds since the epoch. */
  readonly deadlineMs: number;
}

/** A module that answers in less is fast, in milliseconds; its answers are seen whole anyway. */
const FAST_MS = 250;
/** Outcomes from which the latency says something. */
const MIN_OUTCOMES = 20;
/** Share of what is left of the request's time that is kept for the next module, and its upper bound in milliseconds. */
const RESERVED_SHARE = 0.2;
const MOST_RESERVED_MS = 5_000;

/** Gives the patience that configuration asks for. */
export function patienceOf({ patience }: Orchestration['fallback']): Patience {
  return {
    firstTokenMs: patience.first_token * 1000,
    betweenTokensMs: patience.between_tokens * 1000,
    tokensPerSecond: patience.min_tokens_per_second,
    windowMs: patience.rate_window * 1000,
    activationMs: patience.activation * 1000,
  };
}

/**
 * Gives how a module is called, and how long it may take. While others remain, a module that says nothing is left early,
 * and one that talks on must leave the next one time inside the request's deadline; the last one may take all of it.
 */
export function attemptBounds(input: BoundsInput): AttemptBounds {
  const { patience, tunedFirstTokenMs, othersRemain, nowMs, deadlineMs } = input;
  const form = formOf(input);
  const limitMs = nowMs + input.requestMs;
  if (!othersRemain) return { form, deadlineMs: Math.min(limitMs, deadlineMs), patience: undefined };
  const reservedMs = Math.min(RESERVED_SHARE * (deadlineMs - nowMs), MOST_RESERVED_MS);
  // What was learned of first tokens says nothing of whole answers.
  const wholeMs = form === 'whole' ? nowMs + patience.firstTokenMs : Infinity;
  return {
    form,
    deadlineMs: Math.min(limitMs, deadlineMs - reservedMs, wholeMs),
    patience: tunedFirstTokenMs === undefined ? patience : { ...patience, firstTokenMs: tunedFirstTokenMs },
  };
}

function formOf({ streaming, history }: BoundsInput): CallForm {
  if (streaming) return 'tokens';
  return history !== undefined && history.count >= MIN_OUTCOMES && history.latencyMs < FAST_MS ? 'whole' : 'beats';
}

/** Gives how long a module's start is waited for while another one is ready, in milliseconds. */
export function activationPatienceMs(
  { activationMs }: Patience,
  { expectedMs, runsElsewhere, leftMs }: { expectedMs: number | undefined; runsElsewhere: boolean; leftMs: number },
): number {
  // A first start of a workload of ours takes what it takes; half of the time is kept for the one that is ready.
  if (expectedMs === undefined && !runsElsewhere) return Math.max(activationMs, leftMs / 2);
  return Math.max(activationMs, Math.min(2 * (expectedMs ?? 0), leftMs / 2));
}

/** Gives the header by which a sidecar is asked for tighter limits (sidecar/stage-limits.ts). */
export function patienceHeader({ firstTokenMs, betweenTokensMs, tokensPerSecond, windowMs }: Patience): string {
  const pace = tokensPerSecond === 0 ? '' : `, rate=${tokensPerSecond}, window=${windowMs}`;
  return `first-token=${firstTokenMs}, between-tokens=${betweenTokensMs}${pace}`;
}

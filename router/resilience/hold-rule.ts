import type { Orchestration } from '../../core/config/schema.ts';
import type { ClassHistory } from '../decide/module-status.ts';
import type { Breaker } from './breaker.ts';

/** How long tokens are held back before the first one is sent: until then a failure is invisible. */
export type HoldRule =
  | { readonly kind: 'none' }
  /** Until so many tokens have come or so much time has passed since the first. */
  | { readonly kind: 'window'; readonly tokens: number; readonly ms: number }
  /** Until the answer is whole and accepted, at most so long after its first token. */
  | { readonly kind: 'whole'; readonly maxMs: number };

/** Who reads the stream: OpenAI's form knows no discard, our own events do. */
export type StreamReader = 'openai' | 'events';

export interface HoldPolicy {
  readonly openai: 'risk' | 'window' | 'none';
  readonly events: 'risk' | 'window' | 'none';
  readonly tokens: number;
  readonly windowMs: number;
  readonly maxMs: number;
}

/** What is known of a module when its answer begins. */
export interface Risk {
  readonly history: ClassHistory | undefined;
  readonly breaker: Breaker['phase'];
  /** Whether another module could take over; without one there is nothing to hold back for. */
  readonly othersRemain: boolean;
}

/** Outcomes under which a module is young. */
const YOUNG = 20;
/** Share of accepted answers under which a module has failed lately; one failure counts for about thirty-five answers. */
const STEADY = 0.99;

/** Gives the policy that configuration asks for. */
export function holdPolicyOf({ hold_back: hold }: Orchestration['fallback']): HoldPolicy {
  const { openai, events, tokens, window, max } = hold;
  return { openai, events, tokens, windowMs: window * 1000, maxMs: max * 1000 };
}

/**
 * Gives how long a module's answer is to be held back:
 *
 * | policy | module                                    | held back                     |
 * | ------ | ----------------------------------------- | ----------------------------- |
 * | none   |                                           | not at all                    |
 * | window |                                           | for the window                |
 * | risk   | young, failed lately, or breaker not closed | until it is whole, at most max |
 * | risk   | otherwise                                 | for the window                |
 * | any    | nobody could take over                    | not at all                    |
 */
export function holdRule(reader: StreamReader, policy: HoldPolicy, risk: Risk): HoldRule {
  const mode = policy[reader];
  if (mode === 'none' || !risk.othersRemain) return { kind: 'none' };
  if (mode === 'risk' && isRisky(risk)) return { kind: 'whole', maxMs: policy.maxMs };
  return { kind: 'window', tokens: policy.tokens, ms: policy.windowMs };
}

function isRisky({ history, breaker }: Risk): boolean {
  return breaker !== 'CLOSED' || history === undefined || history.count < YOUNG || history.successRate < STEADY;
}

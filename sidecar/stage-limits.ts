import type { ModuleSpec } from '../core/config/schema.ts';

/** How long each stage of an answer may take; a stage that is left out is not bounded. */
export interface StageLimits {
  /** The whole answer, in milliseconds. */
  readonly requestMs: number;
  /** Until the first token, in milliseconds. */
  readonly firstTokenMs?: number;
  /** Between two tokens, in milliseconds. */
  readonly betweenTokensMs?: number;
  readonly pace?: Pace;
}

/** Least speed, measured over a sliding window once tokens have begun to come. */
export interface Pace {
  readonly tokensPerSecond: number;
  readonly windowMs: number;
}

/** Header by which a caller who has another module at hand asks for tighter limits. */
export const PATIENCE_HEADER = 'x-frontier-patience';

/** The limits that a module's specification sets. */
export function limitsOf({ timeouts }: Pick<ModuleSpec, 'timeouts'>): StageLimits {
  const { request, first_token, between_tokens, min_tokens_per_second, rate_window } = timeouts;
  return {
    requestMs: request * 1000,
    firstTokenMs: first_token * 1000,
    betweenTokensMs: between_tokens * 1000,
    ...(min_tokens_per_second === 0
      ? {}
      : { pace: { tokensPerSecond: min_tokens_per_second, windowMs: rate_window * 1000 } }),
  };
}

/**
 * Gives the tighter of the module's own limits and those that a caller asks for, e.g.
 * `first-token=3000, between-tokens=2500, rate=1, window=4000` (a dictionary, RFC 8941). What cannot be read is passed over:
 * the caller only asks for more haste.
 */
export function tightened(own: StageLimits, header: string | undefined): StageLimits {
  if (header === undefined) return own;
  const asked = numbersIn(header);
  const first = asked.get('first-token');
  const between = asked.get('between-tokens');
  const [rate, windowMs] = [asked.get('rate'), asked.get('window')];
  const pace = rate === undefined || windowMs === undefined ? undefined : { tokensPerSecond: rate, windowMs };
  return {
    ...own,
    ...(first === undefined ? {} : { firstTokenMs: Math.min(first, own.firstTokenMs ?? Infinity) }),
    ...(between === undefined ? {} : { betweenTokensMs: Math.min(between, own.betweenTokensMs ?? Infinity) }),
    ...(pace === undefined || pace.tokensPerSecond <= (own.pace?.tokensPerSecond ?? 0) ? {} : { pace }),
  };
}

/** Share of the patience to the first token that a query may wait for a place: both together must stay a short time. */
const QUEUE_SHARE = 0.6;

/** Gives how long a query may wait for a place, in milliseconds; undefined for as long as it takes. */
export function queuePatienceMs(header: string | undefined): number | undefined {
  const first = header === undefined ? undefined : numbersIn(header).get('first-token');
  return first === undefined ? undefined : QUEUE_SHARE * first;
}

function numbersIn(header: string): ReadonlyMap<string, number> {
  const pairs = header.split(',').flatMap((part) => {
    const [name = '', text = ''] = part.trim().split('=');
    const value = Number(text);
    return value > 0 && Number.isFinite(value) ? [[name, value] as const] : [];
  });
  return new Map(pairs);
}

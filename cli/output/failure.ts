import { FrontierError, toFrontierError } from '../../core/errors.ts';
import type { Reason } from '../../core/errors.ts';
import type { Paint } from './paint.ts';

/** What to do about a failure, where something can be said for every case of it. */
const HINTS: Partial<Record<Reason, string>> = {
  SERVICE_UNAVAILABLE: 'is the system running? Start it with `npm start`, or name it with --url',
  UNAUTHENTICATED: 'give an API key with --api-key or FRONTIER_API_KEY',
  PERMISSION_DENIED: 'the key may not do that; see security.roles in orchestration-config.yaml',
  MODULE_UNKNOWN: '`frontier modules list` shows the modules there are',
  NODE_UNKNOWN: '`frontier mesh status` shows who is connected',
  EMPTY_QUERY: 'give a query: frontier route "Why is the sky blue?"',
  DEADLINE_EXCEEDED: 'allow more time with --timeout',
  RATE_LIMITED: 'try again in a moment',
  OVERLOADED: 'try again in a moment',
  COST_CEILING: 'raise --max-cost',
  ALL_ATTEMPTS_FAILED: '`frontier modules logs <id>` shows why',
  ACTIVATION_FAILED: '`frontier modules logs <id>` shows why; `frontier doctor` checks what modules need',
  NO_ELIGIBLE_MODULE: '`frontier explain "…"` shows why each module is left out',
  PORT_IN_USE: 'stop what uses the port, or choose another one with --edge-port or network.ports',
};

/** Gives a failure as lines for people: what, the stable reason, what to do. */
export function describeFailure(thrown: unknown, paint: Paint): string {
  const error = toFrontierError(thrown);
  const cause = error.reason === 'INTERNAL' && error.cause instanceof Error ? ` (${error.cause.message})` : '';
  const hint = HINTS[error.reason];
  return [
    `${paint('red', 'error')} ${error.message}${cause} ${paint('dim', `[${error.reason}]`)}`,
    ...(hint === undefined ? [] : [`  ${paint('dim', 'try:')} ${hint}`]),
  ].join('\n');
}

/** Gives a failure for programs. */
export function failureJson(thrown: unknown): { error: Record<string, unknown> } {
  const { reason, code, message, metadata } = toFrontierError(thrown);
  return { error: { reason, code, message, metadata } };
}

/** Exit code of a failure: 78 (sysexits EX_CONFIG) for configuration, 2 for a wrong request, else 1. */
export function exitCodeOf(thrown: unknown): number {
  if (!(thrown instanceof FrontierError)) return 1;
  if (thrown.reason === 'CONFIG_INVALID') return 78;
  return thrown.code === 3 ? 2 : 1;
}

import type { Reason } from '../../core/errors.ts';
import { mayUse, type Principal } from '../domain/principal.ts';
import type { Query } from '../domain/query.ts';
import { expectedCost, promptTokens } from './cost.ts';
import { fullness, type ModuleStatus } from './module-status.ts';

export type ExclusionReason =
  | Extract<
      Reason,
      | 'PERMISSION_DENIED'
      | 'UNSUPPORTED_MEDIA_TYPE'
      | 'BREAKER_OPEN'
      | 'COST_CEILING'
      | 'MODULE_OVERLOADED'
      | 'QUERY_TOO_LARGE'
    >
  | 'ATTACHMENT_REQUIRED'
  | 'MAX_ATTEMPTS';

/** A module that was left out of a plan. */
export interface Exclusion {
  readonly moduleId: string;
  readonly reason: ExclusionReason;
  /** Text for people, with the numbers that decided. */
  readonly detail: string;
  /** When the module may be asked again, in milliseconds from now; left out when there is no telling. */
  readonly retryAfterMs?: number;
  /** Set when all its places are taken, which may be over in a moment. */
  readonly isFull?: true;
}

/** Gives why a module cannot be asked, or undefined when it can. What the caller can mend comes before what passes. */
export function exclusionOf(status: ModuleStatus, query: Query, principal: Principal): Exclusion | undefined {
  const moduleId = status.spec.module_id;
  if (!mayUse(principal, moduleId)) {
    return {
      moduleId,
      reason: 'PERMISSION_DENIED',
      detail: `the roles of ${principal.subject} do not allow ${moduleId}`,
    };
  }
  return (
    capabilityExclusion(status, query) ??
    lengthExclusion(status, query) ??
    costExclusion(status, query) ??
    healthExclusion(status) ??
    loadExclusion(status, query)
  );
}

function capabilityExclusion({ spec }: ModuleStatus, query: Query): Exclusion | undefined {
  const moduleId = spec.module_id;
  const { media_types: accepted, requires_attachment: required } = spec.capabilities;
  if (required && query.attachments.length === 0) {
    return { moduleId, reason: 'ATTACHMENT_REQUIRED', detail: `${moduleId} answers only queries with an attachment` };
  }
  const refused = query.attachments.find(
    ({ mediaType }) => !accepted.some((pattern) => matchesMediaType(pattern, mediaType)),
  );
  if (refused === undefined) return undefined;
  const list = accepted.length === 0 ? 'no attachments' : accepted.join(', ');
  return { moduleId, reason: 'UNSUPPORTED_MEDIA_TYPE', detail: `${moduleId} takes ${list}, not ${refused.mediaType}` };
}

function lengthExclusion({ spec }: ModuleStatus, query: Query): Exclusion | undefined {
  const limit = spec.capabilities.context_tokens;
  if (limit === undefined) return undefined;
  const tokens = promptTokens(query);
  if (tokens < limit) return undefined;
  const detail = `the query and its history take about ${tokens} tokens, ${spec.module_id} takes ${limit} with the answer`;
  return { moduleId: spec.module_id, reason: 'QUERY_TOO_LARGE', detail };
}

function costExclusion({ spec }: ModuleStatus, query: Query): Exclusion | undefined {
  if (query.maxCost === undefined) return undefined;
  const cost = expectedCost(spec, query);
  if (cost <= query.maxCost) return undefined;
  const detail = `an answer is expected to cost ${cost}, more than the ceiling of ${query.maxCost}`;
  return { moduleId: spec.module_id, reason: 'COST_CEILING', detail };
}

function healthExclusion(status: ModuleStatus): Exclusion | undefined {
  const moduleId = status.spec.module_id;
  if (!status.breakerAdmits) {
    return {
      moduleId,
      reason: 'BREAKER_OPEN',
      detail: `${moduleId} has failed repeatedly and is given time to recover`,
      ...(status.breakerRetryMs === undefined ? {} : { retryAfterMs: status.breakerRetryMs }),
    };
  }
  const { cooldownMs = 0 } = status;
  if (cooldownMs > 0) {
    const detail = `${moduleId} has asked to be left alone for another ${(cooldownMs / 1000).toFixed(1)} s`;
    return { moduleId, reason: 'MODULE_OVERLOADED', detail, retryAfterMs: cooldownMs };
  }
  return undefined;
}

/** When a module that is full may be asked again, in milliseconds. */
export const FULL_RETRY_MS = 1_000;

function loadExclusion(status: ModuleStatus, { priority = 'normal' }: Query): Exclusion | undefined {
  const full = fullness(status, priority);
  if (full === undefined) return undefined;
  const learned = full.isLearned ? ` that it is known to bear for ${priority} priority` : '';
  const detail = `${full.inFlight} queries are in flight, the limit${learned} is ${full.limit}`;
  return {
    moduleId: status.spec.module_id,
    reason: 'MODULE_OVERLOADED',
    detail,
    retryAfterMs: FULL_RETRY_MS,
    isFull: true,
  };
}

/** Tells whether a media type fits a pattern such as "image/*" or "application/pdf"; parameters do not count. */
export function matchesMediaType(pattern: string, mediaType: string): boolean {
  const wanted = pattern.toLowerCase();
  const given = (mediaType.split(';', 1)[0] ?? '').trim().toLowerCase();
  if (wanted === '*/*') return true;
  return wanted.endsWith('/*') ? given.startsWith(wanted.slice(0, -1)) : given === wanted;
}

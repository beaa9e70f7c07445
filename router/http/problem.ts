import { Code, toFrontierError, type FrontierError, type Reason } from '../../core/errors.ts';

/** An error as HTTP tells it (RFC 9457), with our reason and, for bad input, the field at fault. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly reason: Reason;
  readonly field?: string;
  readonly request_id?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

const STATUS_OF_CODE: Readonly<Record<Code, number>> = {
  [Code.CANCELLED]: 499,
  [Code.UNKNOWN]: 500,
  [Code.INVALID_ARGUMENT]: 400,
  [Code.DEADLINE_EXCEEDED]: 504,
  [Code.NOT_FOUND]: 404,
  [Code.ALREADY_EXISTS]: 409,
  [Code.PERMISSION_DENIED]: 403,
  [Code.RESOURCE_EXHAUSTED]: 429,
  [Code.FAILED_PRECONDITION]: 400,
  [Code.ABORTED]: 409,
  [Code.UNIMPLEMENTED]: 501,
  [Code.INTERNAL]: 500,
  [Code.UNAVAILABLE]: 503,
  [Code.UNAUTHENTICATED]: 401,
};

/** Reasons for which HTTP has a better word than their gRPC code gives. */
const STATUS_OF_REASON: Partial<Record<Reason, number>> = {
  OVERLOADED: 503,
  MODULE_OVERLOADED: 503,
  COST_CEILING: 422,
  DEPENDENCY_IN_USE: 409,
  MODULE_BAD_REPLY: 502,
  MODULE_EMPTY_REPLY: 502,
  MODULE_FAILED: 502,
  MODULE_OUT_OF_RESOURCES: 502,
};

/** Status of an error. */
export function statusOf({ reason, code }: FrontierError): number {
  return STATUS_OF_REASON[reason] ?? STATUS_OF_CODE[code];
}

/** Gives any thrown value as a problem: the one mapping of errors to HTTP. */
export function toProblem(thrown: unknown, requestId?: string): Problem {
  const error = toFrontierError(thrown);
  const { field, ...metadata } = error.metadata;
  return {
    type: `https://frontier.dev/problems/${error.reason.toLowerCase().replaceAll('_', '-')}`,
    title: titleOf(error.reason),
    status: statusOf(error),
    detail: error.message,
    reason: error.reason,
    ...(field === undefined ? {} : { field }),
    ...(requestId === undefined ? {} : { request_id: requestId }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
  };
}

/** Value of the retry-after header in whole seconds, at least 1; undefined when a retry is of no use. */
export function retryAfterOf(thrown: unknown): string | undefined {
  const { retryAfterMs } = toFrontierError(thrown);
  return retryAfterMs === undefined ? undefined : String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
}

/** "EMPTY_QUERY" → "Empty query". */
function titleOf(reason: Reason): string {
  const words = reason.toLowerCase().replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

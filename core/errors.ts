/**
 * The one error family. Every failure that leaves a service is a FrontierError with a stable reason (AIP-193); it is
 * mapped once to a gRPC status (core/grpc/status.ts) and once to problem+json (RFC 9457, router/http/problem.ts).
 */

/** Canonical gRPC status code numbers (google.rpc.Code), so that pure code needs no gRPC import. */
export const Code = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;
export type Code = (typeof Code)[keyof typeof Code];

/** Every reason there is, with the status code it travels as. */
export const REASONS = {
  // The caller's request.
  INVALID_FIELD: Code.INVALID_ARGUMENT,
  UNKNOWN_FIELD: Code.INVALID_ARGUMENT,
  MALFORMED_BODY: Code.INVALID_ARGUMENT,
  EMPTY_QUERY: Code.INVALID_ARGUMENT,
  QUERY_TOO_LARGE: Code.INVALID_ARGUMENT,
  ATTACHMENT_TOO_LARGE: Code.INVALID_ARGUMENT,
  ATTACHMENT_UNREADABLE: Code.INVALID_ARGUMENT,
  UNSUPPORTED_MEDIA_TYPE: Code.INVALID_ARGUMENT,
  MODULE_UNKNOWN: Code.NOT_FOUND,
  NODE_UNKNOWN: Code.NOT_FOUND,
  REQUEST_UNKNOWN: Code.NOT_FOUND,
  PATH_UNKNOWN: Code.NOT_FOUND,
  DUPLICATE_REQUEST_ID: Code.ALREADY_EXISTS,
  CANCELLED: Code.CANCELLED,
  DEADLINE_EXCEEDED: Code.DEADLINE_EXCEEDED,
  // Who asks, and how much.
  UNAUTHENTICATED: Code.UNAUTHENTICATED,
  PERMISSION_DENIED: Code.PERMISSION_DENIED,
  RATE_LIMITED: Code.RESOURCE_EXHAUSTED,
  OVERLOADED: Code.RESOURCE_EXHAUSTED,
  MODULE_OVERLOADED: Code.RESOURCE_EXHAUSTED,
  COST_CEILING: Code.FAILED_PRECONDITION,
  // Modules.
  NO_ELIGIBLE_MODULE: Code.UNAVAILABLE,
  ALL_ATTEMPTS_FAILED: Code.UNAVAILABLE,
  LOW_CONFIDENCE: Code.UNAVAILABLE,
  BREAKER_OPEN: Code.UNAVAILABLE,
  MODULE_UNAVAILABLE: Code.UNAVAILABLE,
  MODULE_TIMEOUT: Code.DEADLINE_EXCEEDED,
  MODULE_BAD_REPLY: Code.INTERNAL,
  MODULE_EMPTY_REPLY: Code.INTERNAL,
  MODULE_FAILED: Code.INTERNAL,
  /** Not RESOURCE_EXHAUSTED, which asks to come again later: here the module itself is what fails. */
  MODULE_OUT_OF_RESOURCES: Code.INTERNAL,
  STREAM_BROKEN: Code.UNAVAILABLE,
  DRAINING: Code.UNAVAILABLE,
  ACTIVATION_FAILED: Code.UNAVAILABLE,
  ACTIVATION_TIMEOUT: Code.UNAVAILABLE,
  DEPENDENCY_IN_USE: Code.FAILED_PRECONDITION,
  ROTATION_UNDER_WAY: Code.FAILED_PRECONDITION,
  ROOT_KEY_ABSENT: Code.FAILED_PRECONDITION,
  // The system itself.
  CONFIG_INVALID: Code.FAILED_PRECONDITION,
  PORT_IN_USE: Code.FAILED_PRECONDITION,
  MODEL_UNREADABLE: Code.FAILED_PRECONDITION,
  DEPENDENCY_MISSING: Code.FAILED_PRECONDITION,
  CERTIFICATE_INVALID: Code.INVALID_ARGUMENT,
  STORE_UNAVAILABLE: Code.UNAVAILABLE,
  SERVICE_UNAVAILABLE: Code.UNAVAILABLE,
  NOT_READY: Code.UNAVAILABLE,
  UNIMPLEMENTED: Code.UNIMPLEMENTED,
  INTERNAL: Code.INTERNAL,
} as const satisfies Record<string, Code>;
export type Reason = keyof typeof REASONS;

export interface ErrorOptions {
  /** Facts for the caller, e.g. {field: "query"}; never a secret. Sent as ErrorInfo.metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** What went wrong underneath; logged, never sent. */
  readonly cause?: unknown;
  /** When a retry may help, in milliseconds from now. */
  readonly retryAfterMs?: number;
}

/** A failure with a stable reason. Its message is for people and may be sent to the caller. */
export class FrontierError extends Error {
  readonly reason: Reason;
  readonly code: Code;
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;

  constructor(reason: Reason, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'FrontierError';
    this.reason = reason;
    this.code = REASONS[reason];
    this.metadata = options.metadata ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Tells whether `text` is one of our reasons, e.g. one that came over the wire. */
export function isReason(text: string): text is Reason {
  return Object.hasOwn(REASONS, text);
}

/**
 * Gives any thrown value as a FrontierError: ours as it is, an abort as CANCELLED, anything else as INTERNAL with fixed
 * text (the original is kept as the cause, for the log).
 */
export function toFrontierError(thrown: unknown): FrontierError {
  if (thrown instanceof FrontierError) return thrown;
  if (isAbort(thrown)) {
    return new FrontierError('CANCELLED', 'the call was cancelled', { cause: thrown });
  }
  return new FrontierError('INTERNAL', 'an internal error occurred', { cause: thrown });
}

/** By name, not by class: DOMException is made by the platform and may be of another realm. */
function isAbort(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && 'name' in thrown && thrown.name === 'AbortError';
}

/** Text of any thrown value. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

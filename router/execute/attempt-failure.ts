import { Code, FrontierError, toFrontierError, type Reason } from '../../core/errors.ts';

/** What a status that came without a reason of ours means when a module was called. */
const MODULE_REASONS: Partial<Record<Reason, Reason>> = {
  DEADLINE_EXCEEDED: 'MODULE_TIMEOUT',
  SERVICE_UNAVAILABLE: 'MODULE_UNAVAILABLE',
  CANCELLED: 'MODULE_UNAVAILABLE',
  OVERLOADED: 'MODULE_OVERLOADED',
  PATH_UNKNOWN: 'MODULE_UNAVAILABLE',
  UNIMPLEMENTED: 'MODULE_FAILED',
  INTERNAL: 'MODULE_FAILED',
  UNAUTHENTICATED: 'MODULE_UNAVAILABLE',
  PERMISSION_DENIED: 'MODULE_UNAVAILABLE',
};

/** Begins the text of a status that grpc-js gives when a reply is no message of the contract. */
const UNREADABLE = /^(?:Response message parsing error|Error parsing|Received message with)/i;

/**
 * Gives any failure of a call of a module as the error that tells of the module.
 * @param streamed whether tokens had been received before
 */
export function attemptFailure(moduleId: string, thrown: unknown, streamed: boolean): FrontierError {
  const error = toFrontierError(thrown);
  const unreadable = error.reason === 'INTERNAL' && UNREADABLE.test(error.message);
  const mapped = unreadable ? 'MODULE_BAD_REPLY' : (MODULE_REASONS[error.reason] ?? error.reason);
  const reason = streamed && mapped === 'MODULE_UNAVAILABLE' ? 'STREAM_BROKEN' : mapped;
  return new FrontierError(reason, `${moduleId}: ${error.message}`, {
    cause: thrown,
    metadata: { ...error.metadata, module_id: moduleId },
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  });
}

/**
 * Tells whether a failure speaks against the module's health, so that its breaker counts it. BREAKER_OPEN does not: the mesh
 * has refused the call on the word of other routers, and breakers that open on each other's word would never close.
 */
export function isModulesFault({ reason, code }: FrontierError): boolean {
  return (
    code !== Code.INVALID_ARGUMENT &&
    code !== Code.RESOURCE_EXHAUSTED &&
    reason !== 'DRAINING' &&
    reason !== 'BREAKER_OPEN'
  );
}

/** Tells whether a failure may come from a mesh that does not know a new endpoint yet; no sidecar has seen the call then. */
export function mayBeMeshLag(thrown: unknown): boolean {
  return thrown instanceof FrontierError && thrown.reason === 'SERVICE_UNAVAILABLE';
}

import { FrontierError } from '../../core/errors.ts';
import type { Reason } from '../../core/errors.ts';
import { isServiceError } from '../../core/grpc/status.ts';
import { reasonByText } from './lost-resource.ts';

/**
 * Gives what a failed call to a workload means to the router. A reason that the workload named itself stands; a bare
 * status is read as the module's failure. `answering` says that a part of the answer has already come.
 */
export function workloadError(error: FrontierError, answering: boolean): FrontierError {
  const { cause, retryAfterMs } = error;
  if (!isServiceError(cause)) return error;
  const byStatus = reasonFor(error.reason, cause.details, answering);
  const isNamed = byStatus === error.reason && byStatus !== 'MODULE_FAILED';
  const { reason, metadata } =
    !isNamed && UNSPECIFIC.has(byStatus) ? reasonByText(byStatus, cause.details) : { reason: byStatus, metadata: {} };
  if (reason === error.reason) return error;
  return new FrontierError(reason, `the workload: ${error.message}`, {
    cause,
    metadata: { ...error.metadata, ...metadata },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** Reasons of which the text may know more. */
const UNSPECIFIC: ReadonlySet<Reason> = new Set<Reason>(['MODULE_FAILED', 'MODULE_UNAVAILABLE', 'MODULE_OVERLOADED']);

function reasonFor(reason: Reason, details: string, answering: boolean): Reason {
  switch (reason) {
    case 'SERVICE_UNAVAILABLE':
      return answering ? 'STREAM_BROKEN' : 'MODULE_UNAVAILABLE';
    case 'OVERLOADED':
      // grpc-js reports a reply beyond the size limit by the same status.
      return /larger than max/i.test(details) ? 'MODULE_BAD_REPLY' : 'MODULE_OVERLOADED';
    case 'DEADLINE_EXCEEDED':
      return 'MODULE_TIMEOUT';
    case 'CANCELLED':
      return answering ? 'STREAM_BROKEN' : 'MODULE_FAILED';
    case 'UNAUTHENTICATED':
    case 'PERMISSION_DENIED':
      return 'MODULE_UNAVAILABLE';
    case 'INTERNAL':
      if (/pars|deserializ|decode|wire type|protocol error/i.test(details)) return 'MODULE_BAD_REPLY';
      return answering && /RST_STREAM/.test(details) ? 'STREAM_BROKEN' : 'MODULE_FAILED';
    case 'PATH_UNKNOWN':
    case 'UNIMPLEMENTED':
      return 'MODULE_FAILED';
    default:
      return reason;
  }
}

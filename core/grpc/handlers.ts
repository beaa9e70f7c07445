import type {
  Metadata,
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
} from '@grpc/grpc-js';
import type { PeerCertificate } from 'node:tls';
import { FrontierError } from '../errors.ts';
import { spiffeIdOfCertificate } from '../identity/spiffe.ts';
import { toStatus } from './status.ts';
import { readable } from './strict-requests.ts';

/** What a handler may know of its call. */
export interface CallContext {
  readonly metadata: Metadata;
  /** Aborts with a FrontierError when the caller cancels or the deadline passes. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, in milliseconds since the epoch; undefined for never. */
  readonly deadlineMs: number | undefined;
  /** SPIFFE id in the verified client certificate; undefined without one. */
  readonly peerSpiffeId: string | undefined;
  /** Remote address, e.g. "127.0.0.1:53122". */
  readonly peer: string;
  /** Sends headers before the first message. */
  sendMetadata(metadata: Metadata): void;
}

/** What the three kinds of server calls have in common. */
type AnyCall = Pick<
  ServerUnaryCall<unknown, unknown> & ServerWritableStream<unknown, unknown> & ServerDuplexStream<unknown, unknown>,
  'metadata' | 'getDeadline' | 'getPeer' | 'sendMetadata'
> & {
  // grpc-js gives an empty object, never null, on the server's side.
  getAuthContext(): { sslPeerCertificate?: PeerCertificate };
  on(event: 'cancelled', listener: () => void): unknown;
};

/** Wraps a function from request to response as a grpc-js unary handler; errors are mapped once, here. */
export function unary<Request, Response>(
  fn: (request: Request, call: CallContext) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    // In a function of its own, so that a throw before fn's first await is mapped too.
    const respond = async (): Promise<Response> => fn(readable(call.request), contextOf(call));
    respond().then(
      (response) => {
        callback(null, response);
      },
      (error: unknown) => {
        callback(toStatus(error));
      },
    );
  };
}

/** Wraps a function from request to a sequence as a grpc-js server-streaming handler, with backpressure. */
export function serverStream<Request, Response>(
  fn: (request: Request, call: CallContext) => AsyncIterable<Response>,
): handleServerStreamingCall<Request, Response> {
  return (call) => {
    const context = contextOf(call);
    void pump(call, () => fn(readable(call.request), context), context.signal);
  };
}

/** Wraps a function from a sequence to a sequence as a grpc-js bidirectional handler, with backpressure both ways. */
export function duplex<Request, Response>(
  fn: (requests: AsyncIterable<Request>, call: CallContext) => AsyncIterable<Response>,
): handleBidiStreamingCall<Request, Response> {
  return (call) => {
    const context = contextOf(call);
    void pump(call, () => fn(call, context), context.signal);
  };
}

interface Sink<Response> {
  write(message: Response): boolean;
  end(): void;
  emit(event: 'error', error: unknown): boolean;
  once(event: 'drain', listener: () => void): unknown;
  off(event: 'drain', listener: () => void): unknown;
  on(event: 'error', listener: () => void): unknown;
}

/** Sends what `start` gives, or the status of its failure. */
async function pump<Response>(
  sink: Sink<Response>,
  start: () => AsyncIterable<Response>,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const response of start()) {
      if (signal.aborted) break;
      if (!sink.write(response)) await drained(sink, signal);
    }
    if (signal.aborted) throw signal.reason;
    sink.end();
  } catch (error) {
    sink.emit('error', toStatus(error));
  }
}

function drained<Response>(sink: Sink<Response>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      sink.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    sink.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Gives what a handler may know of a grpc-js call. */
export function contextOf(call: AnyCall): CallContext {
  const controller = new AbortController();
  const deadlineMs = deadlineOf(call);
  call.on('cancelled', () => {
    controller.abort(cancelReason(deadlineMs, performance.timeOrigin + performance.now()));
  });
  return {
    metadata: call.metadata,
    signal: controller.signal,
    deadlineMs,
    get peerSpiffeId() {
      return spiffeIdOfCertificate(call.getAuthContext().sslPeerCertificate);
    },
    peer: call.getPeer(),
    sendMetadata: (metadata) => {
      call.sendMetadata(metadata);
    },
  };
}

function deadlineOf(call: AnyCall): number | undefined {
  const deadline = call.getDeadline();
  const ms = deadline instanceof Date ? deadline.getTime() : deadline;
  return Number.isFinite(ms) ? ms : undefined;
}

/** grpc-js tells a passed deadline and a cancelled call by the same event. */
function cancelReason(deadlineMs: number | undefined, nowMs: number): FrontierError {
  const expired = deadlineMs !== undefined && nowMs >= deadlineMs;
  return expired
    ? new FrontierError('DEADLINE_EXCEEDED', "the caller's deadline has passed")
    : new FrontierError('CANCELLED', 'the caller cancelled the call');
}

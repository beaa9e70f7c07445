import { Metadata } from '@grpc/grpc-js';
import type { CallOptions, ClientOptions, ClientReadableStream, ClientUnaryCall, ServiceError } from '@grpc/grpc-js';
import { fromStatus } from './status.ts';
import { MAX_MESSAGE_BYTES } from './server.ts';

/** Options of every Frontier client; `extra` goes before them. */
export function clientOptions(extra: ClientOptions = {}): ClientOptions {
  return {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 5_000,
    // Retries are the plan's business (router) or Envoy's, never the channel's own.
    'grpc.enable_retries': 0,
    ...extra,
  };
}

/**
 * Options of a client whose server is dialled by IP address and known by its SPIFFE id: the name that TLS sends must not be an
 * address (RFC 6066), and nobody checks it.
 */
export function meshClientOptions(extra: ClientOptions = {}): ClientOptions {
  return clientOptions({ 'grpc.ssl_target_name_override': 'frontier', ...extra });
}

export interface CallSettings {
  readonly metadata?: Metadata;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /** When to stop waiting, in milliseconds since the epoch. */
  readonly deadlineMs?: number;
  /** Receives the trailing metadata of a call that ended well. */
  readonly onTrailers?: (trailers: Metadata) => void;
}

type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

/** Calls a unary method, e.g. `unaryCall(client.load.bind(client), request)`. Rejects with a FrontierError. */
export function unaryCall<Request, Response>(
  method: UnaryMethod<Request, Response>,
  request: Request,
  settings: CallSettings = {},
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const { signal } = settings;
    if (signal?.aborted) {
      reject(fromStatus(signal.reason));
      return;
    }
    const cancel = (): void => {
      call.cancel();
    };
    const call = method(request, settings.metadata ?? new Metadata(), callOptions(settings), (error, response) => {
      signal?.removeEventListener('abort', cancel);
      if (error === null) resolve(response);
      else reject(fromStatus(signal?.aborted ? signal.reason : error));
    });
    if (settings.onTrailers !== undefined) {
      const { onTrailers } = settings;
      call.on('status', (status) => {
        onTrailers(status.metadata);
      });
    }
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

type StreamMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
) => ClientReadableStream<Response>;

/** Calls a server-streaming method and gives its messages. Throws a FrontierError; leaving the loop cancels the call. */
export async function* streamCall<Request, Response>(
  method: StreamMethod<Request, Response>,
  request: Request,
  settings: CallSettings = {},
): AsyncGenerator<Response, void, undefined> {
  const { signal } = settings;
  if (signal?.aborted) throw fromStatus(signal.reason);
  const call = method(request, settings.metadata ?? new Metadata(), callOptions(settings));
  const cancel = (): void => {
    call.cancel();
  };
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    for await (const message of call) yield message as Response;
  } catch (error) {
    throw fromStatus(signal?.aborted ? signal.reason : error);
  } finally {
    signal?.removeEventListener('abort', cancel);
    call.cancel();
  }
}

function callOptions({ deadlineMs }: CallSettings): Partial<CallOptions> {
  return deadlineMs === undefined ? {} : { deadline: deadlineMs };
}

import { pipeline, type Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { Agent, request } from 'undici';
import type { Dispatcher } from 'undici';
import { FrontierError, messageOf } from '../../core/errors.ts';
import type { TraceHeaders } from '../../core/telemetry/tracing.ts';
import { badReply } from './grpc-replies.ts';
import { strictText } from './strict-text.ts';

/** Largest reply, in bytes; no answer in text comes near. */
const MAX_REPLY_BYTES = 8 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;

export interface HttpClientOptions {
  /** Address to which paths are appended. */
  readonly url: string;
  readonly apiKey: string | undefined;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
  readonly signal: AbortSignal;
  readonly trace?: TraceHeaders;
}

export interface HttpReply {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** Media type without parameters, in lower case; empty when there is none. */
  readonly contentType: string;
  /** The whole body. Throws MODULE_BAD_REPLY when it is beyond 8 MiB or a 200 is no UTF-8, STREAM_BROKEN when the connection is cut. */
  text(): Promise<string>;
  /** The body as it comes. Throws as text does. */
  bytes(): AsyncGenerator<Uint8Array, void, undefined>;
}

export interface HttpClient {
  /** Sends a request. Throws MODULE_UNAVAILABLE when nobody answers, or the signal's reason. */
  send(request: HttpRequest): Promise<HttpReply>;
  close(): Promise<void>;
}

/** Gives a client that keeps its connections. Time-outs are the signal's: undici's own are off. */
export function createHttpClient({ url, apiKey }: HttpClientOptions): HttpClient {
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0, connect: { timeout: CONNECT_TIMEOUT_MS } });
  const base = url.replace(/\/+$/, '');
  const authorization = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  return {
    send: async ({ method, path, body, signal, trace = {} }) => {
      const options = {
        dispatcher,
        method,
        signal,
        headers: { 'content-type': 'application/json', ...authorization, ...trace },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      };
      try {
        signal.throwIfAborted();
        return replyOf(await orAborted(request(base + path, options), signal), signal);
      } catch (error) {
        throw failure(error, signal, 'MODULE_UNAVAILABLE', 'the workload cannot be reached');
      }
    },
    close: () => dispatcher.destroy(),
  };
}

/** Settles as the work does, or rejects as soon as the signal is aborted: undici looks at a signal only once there is a connection. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => {
    aborted.reject(signal.reason);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function replyOf({ statusCode, headers, body }: Dispatcher.ResponseData, signal: AbortSignal): HttpReply {
  const { 'retry-after': retryAfter, 'content-type': contentType, 'content-encoding': encoding } = headers;
  const bytes = (): AsyncGenerator<Uint8Array, void, undefined> => bounded(decoded(body, encoding), signal);
  return {
    status: statusCode,
    contentType: typeof contentType === 'string' ? (contentType.split(';', 1)[0] ?? '').trim().toLowerCase() : '',
    retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
    bytes,
    text: async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of bytes()) chunks.push(chunk);
      const joined = Buffer.concat(chunks);
      return statusCode === 200 ? strictText(joined) : joined.toString('utf8');
    },
  };
}

/** Codings that servers use though they were not asked to (RFC 9110, 8.4.1). */
const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

/** Gives a body without its content coding. Throws MODULE_BAD_REPLY for one that is not known. */
function decoded(body: Readable, encoding: string | string[] | undefined): Readable {
  if (encoding === undefined || encoding === '' || encoding === 'identity') return body;
  const decoder = DECODERS[String(encoding).toLowerCase()]?.();
  if (decoder === undefined) {
    // That it is thrown away is its own error, which nobody reads.
    body.on('error', () => undefined).destroy();
    throw badReply(`the workload's reply has the content coding ${String(encoding)}, which was not asked for`);
  }
  // Its errors come out of whoever reads the decoder.
  return pipeline(body, decoder, () => undefined);
}

async function* bounded(body: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > MAX_REPLY_BYTES) throw badReply('the workload sent a reply of more than 8 MiB');
      yield chunk;
    }
  } catch (error) {
    throw failure(error, signal, 'STREAM_BROKEN', "the workload's reply was cut off");
  }
}

function failure(
  thrown: unknown,
  signal: AbortSignal,
  reason: 'MODULE_UNAVAILABLE' | 'STREAM_BROKEN',
  text: string,
): FrontierError {
  if (thrown instanceof FrontierError) return thrown;
  if (signal.aborted && signal.reason instanceof FrontierError) return signal.reason;
  return new FrontierError(reason, `${text}: ${messageOf(thrown)}`, { cause: thrown });
}

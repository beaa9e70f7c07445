import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServerOptions } from '@grpc/grpc-js';
import { systemClock } from '../clock.ts';
import { FrontierError, messageOf } from '../errors.ts';

/** Largest message either way, in bytes: an attachment of the default limit fits with its envelope. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

const DEFAULTS: ServerOptions = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_concurrent_streams': 100_000,
  // Finds dead peers (gRFC A9); proxies keep connections open for long.
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
};

/**
 * Gives a gRPC server with Frontier's limits. The one place where servers are made.
 *
 * Node's HTTP/2 server drops a connection after about 1,000 RST_STREAMs (its guard against rapid reset, CVE-2023-44487).
 * Behind Envoy all clients share few connections and every cancelled call is a reset, so the guard would cut off
 * everybody; Envoy guards the edge itself. grpc-js has no option for it (grpc-node #2625): the field is private.
 */
export function createGrpcServer(options: ServerOptions = {}): Server {
  const server = new Server({ ...DEFAULTS, ...options });
  const { commonServerOptions } = server as unknown as { commonServerOptions?: object };
  if (commonServerOptions === undefined)
    throw new FrontierError('INTERNAL', 'this grpc-js release has no commonServerOptions');
  Object.assign(commonServerOptions, { streamResetBurst: 1e9, streamResetRate: 1e9 });
  return server;
}

export type BindTarget = { readonly host: string; readonly port: number } | { readonly path: string };

/** Binds a server and gives its port (0 for a Unix socket). Throws PORT_IN_USE when the address is taken. */
export function bindServer(
  server: Server,
  target: BindTarget,
  credentials: ServerCredentials = ServerCredentials.createInsecure(),
): Promise<number> {
  const address = 'path' in target ? `unix:${target.path}` : `${bracketed(target.host)}:${target.port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve('path' in target ? 0 : port);
      else reject(bindError(address, error));
    });
  });
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function bindError(address: string, error: Error): FrontierError {
  const text = messageOf(error);
  if (!text.includes('EADDRINUSE'))
    return new FrontierError('INTERNAL', `cannot listen on ${address}: ${text}`, { cause: error });
  return new FrontierError(
    'PORT_IN_USE',
    `${address} is in use by another program: end it, or configure another port`,
    {
      cause: error,
      metadata: { address },
    },
  );
}

/** Lets calls in flight finish for at most `graceMs`, then cuts them off. */
export async function closeServer(server: Server, graceMs: number): Promise<void> {
  const done = new Promise<void>((resolve) => {
    server.tryShutdown(() => {
      resolve();
    });
  });
  let cut: (() => void) | undefined;
  await Promise.race([
    done,
    new Promise<void>((resolve) => {
      cut = systemClock.after(graceMs, resolve);
    }),
  ]);
  cut?.();
  server.forceShutdown();
}

import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FrontierError } from '../errors.ts';
import type { Registry } from './metrics.ts';

export interface AdminServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly registry: Registry;
  readonly isReady: () => boolean;
}

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves /metrics (Prometheus text), /healthz (the process lives) and /readyz (it takes work). Throws PORT_IN_USE. */
export function startAdminServer({ host, port, registry, isReady }: AdminServerOptions): Promise<AdminServer> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    switch (request.url?.split('?')[0]) {
      case '/metrics':
        response.setHeader('content-type', registry.contentType).end(await registry.metrics());
        break;
      case '/healthz':
        response.end('ok\n');
        break;
      case '/readyz':
        response.writeHead(isReady() ? 200 : 503).end(isReady() ? 'ready\n' : 'not ready\n');
        break;
      default:
        response.writeHead(404).end('try /metrics, /healthz or /readyz\n');
    }
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => {
      response.writeHead(500).end();
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new FrontierError(
          error.code === 'EADDRINUSE' ? 'PORT_IN_USE' : 'INTERNAL',
          `cannot listen on ${host}:${port}: ${error.message}`,
          { cause: error },
        ),
      );
    });
    server.listen(port, host, () => {
      resolve({ port: (server.address() as AddressInfo).port, close: () => closeHttp(server) });
    });
  });
}

function closeHttp(server: ReturnType<typeof createServer>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}

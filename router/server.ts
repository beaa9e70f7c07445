import type { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { bindServer, closeServer, createGrpcServer } from '../core/grpc/server.ts';
import { strictRequests } from '../core/grpc/strict-requests.ts';
import { RouterServiceService } from '../gen/frontier/router/v1/router.ts';
import { createGrpcService, type GrpcServiceOptions } from './grpc-service.ts';

export interface RouterServerOptions extends GrpcServiceOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** The router's gRPC port: RouterService, health and reflection. */
export interface RouterServer {
  readonly port: number;
  /** Has it tell clients such as grpcurl what it serves. It need not be there for the first answer, and its loading takes a moment. */
  offerReflection(): Promise<void>;
  /** Tells health checks that no new work is taken. */
  refuse(): void;
  /** Lets calls in flight finish for at most `graceMs`, then cuts them off. */
  close(graceMs: number): Promise<void>;
}

const SERVICE = 'frontier.router.v1.RouterService';

/** Starts to serve. Throws PORT_IN_USE. */
export async function startServer(options: RouterServerOptions): Promise<RouterServer> {
  const server: Server = createGrpcServer();
  server.addService(strictRequests(RouterServiceService), createGrpcService(options));
  const health = new HealthImplementation({ '': 'SERVING', [SERVICE]: 'SERVING' });
  health.addToServer(server);
  const port = await bindServer(server, { host: options.host, port: options.port });
  return {
    port,
    async offerReflection() {
      const { addReflection } = await import('./reflection.ts');
      addReflection(server);
    },
    refuse() {
      health.setStatus('', 'NOT_SERVING');
      health.setStatus(SERVICE, 'NOT_SERVING');
    },
    close: (graceMs) => closeServer(server, graceMs),
  };
}

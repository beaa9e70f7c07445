import type { Server } from '@grpc/grpc-js';
import { bindServer } from '../../../core/grpc/server.ts';

/** Binds a benchmark server, tells the parent its port, and ends with the parent. */
export async function serve(server: Server): Promise<void> {
  const grpc = await bindServer(server, { host: '127.0.0.1', port: 0 });
  process.send?.({ type: 'ready', ports: { grpc } });
  const end = (): void => {
    server.forceShutdown();
    process.exit(0);
  };
  process.once('SIGTERM', end);
  process.once('disconnect', end);
}

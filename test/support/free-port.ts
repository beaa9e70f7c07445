import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/**
 * Gives a loopback TCP port that was free a moment ago. For parts that cannot take port 0 themselves; another process
 * may take it in between, so prefer 0 where the part tells which port it got.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  return port;
}

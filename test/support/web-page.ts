import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onCleanup } from './cleanup.ts';

/** Serves files from memory on loopback, as [path, media type, content]; gives the address without a slash at its end. */
export async function serveFiles(files: readonly (readonly [string, string, string | Uint8Array])[]): Promise<string> {
  const server = createServer((request, response) => {
    const found = files.find(([path]) => path === request.url);
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': found?.[1] ?? 'text/plain' });
    response.end(found?.[2] ?? 'not found');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanup(
    () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

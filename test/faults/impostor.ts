import { createServer, type Server } from 'node:tls';
import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import { createCertificateRequest } from '../../core/identity/key-pair.ts';
import { silentLogger } from '../../core/logging.ts';
import { createAuthority } from '../../xds-control-plane/authority/authority.ts';
import { createFileRootStore } from '../../xds-control-plane/authority/file-root-store.ts';
import { openRootKeeper } from '../../xds-control-plane/authority/root-keeper.ts';
import { eventually } from '../support/eventually.ts';
import { onCleanup } from '../support/cleanup.ts';
import { meshId } from '../support/mesh-identity.ts';

const LIFETIME_MS = 60_000;
const LONG_AGO_MS = 3_600_000;

/**
 * Serves TLS at a port under a module's name, with a certificate of the system's own authority that has expired: what a replica
 * does whose renewal has failed. Gives how to end it.
 */
export async function startExpired(dataDir: string, moduleId: string, port: number): Promise<() => Promise<void>> {
  const mesh = { trustDomain: 'frontier.local', lifetimeMs: LIFETIME_MS };
  const roots = await openRootKeeper({
    store: createFileRootStore(join(dataDir, 'identity')),
    intermediate: { kind: 'none' },
    clock: systemClock,
    log: silentLogger,
    ...mesh,
  });
  roots.close();
  const signer = roots.current();
  const authority = createAuthority({ signer: () => signer, namespace: 'default', ...mesh });
  const id = meshId('module', moduleId);
  const { csrPem, keyPem } = await createCertificateRequest(id);
  const { chainPem } = await authority.issue(csrPem, id, systemClock.nowMs() - LONG_AGO_MS);
  const server = createServer({ cert: chainPem, key: keyPem, ALPNProtocols: ['h2'] }, (socket) => socket.destroy());
  server.on('tlsClientError', () => undefined);
  // The port is that of a process that has just been killed.
  await eventually(() => listen(server, port), { what: `port ${port} to be free` });
  return onCleanup(
    () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  );
}

function listen(server: Server, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      resolve(true);
    });
  });
}

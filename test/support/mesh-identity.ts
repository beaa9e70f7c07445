import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import type { IdentitySource } from '../../core/identity/credentials.ts';
import { loadOrCreateJoinKey, mintJoinToken } from '../../core/identity/join-token.ts';
import { spiffeId } from '../../core/identity/spiffe.ts';
import type { SpiffeName } from '../../core/identity/spiffe.ts';
import { obtainIdentity } from '../../core/identity/workload-identity.ts';
import { silentLogger } from '../../core/logging.ts';
import { onCleanup } from './cleanup.ts';
import { tempFolder } from './temp-folder.ts';

/** SPIFFE id in a mesh of default configuration. */
export function meshId(kind: SpiffeName['kind'], name: string): string {
  return spiffeId({ trustDomain: 'frontier.local', namespace: 'default', kind, name });
}

/**
 * Buys a certificate for any name from a running system's own authority, as whoever holds the data directory's join key
 * may: what a test shows as itself at the mesh's doors.
 */
export async function certificateFor(
  { dataDir, controlPlaneAddress }: { dataDir: string; controlPlaneAddress: string },
  kind: SpiffeName['kind'],
  name: string,
): Promise<IdentitySource> {
  const id = meshId(kind, name);
  const identity = await obtainIdentity({
    spiffeId: id,
    dir: join(tempFolder('identity'), name),
    controlPlaneAddress,
    controlPlaneId: meshId('service', 'control-plane'),
    rootPemPath: join(dataDir, 'identity', 'root.pem'),
    joinToken: await mintJoinToken(loadOrCreateJoinKey(dataDir), id, systemClock.nowMs()),
    clock: systemClock,
    log: silentLogger,
  });
  onCleanup(() => {
    identity.close();
    return Promise.resolve();
  });
  return identity;
}

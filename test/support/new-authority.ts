import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/logging.ts';
import { createAuthority } from '../../xds-control-plane/authority/authority.ts';
import type { Authority } from '../../xds-control-plane/authority/authority.ts';
import { createFileRootStore } from '../../xds-control-plane/authority/file-root-store.ts';
import { openRootKeeper } from '../../xds-control-plane/authority/root-keeper.ts';
import { tempFolder } from './temp-folder.ts';

const MESH = { trustDomain: 'frontier.local', namespace: 'default' };

/** Gives an authority with a root of its own, which nobody in a running mesh trusts; its certificates last a minute. */
export async function newAuthority(): Promise<Authority> {
  const lifetimeMs = 60_000;
  const keeper = await openRootKeeper({
    store: createFileRootStore(tempFolder('authority')),
    intermediate: { kind: 'none' },
    trustDomain: MESH.trustDomain,
    lifetimeMs,
    clock: systemClock,
    log: silentLogger,
  });
  keeper.close();
  return createAuthority({ signer: () => keeper.current(), ...MESH, lifetimeMs });
}

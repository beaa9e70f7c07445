import type { IdentitySource } from '../../core/identity/credentials.ts';
import type { IssuedIdentity } from './issued-identity.ts';

/** One stream's hold on its node's identity. */
export interface NodeIdentity extends IdentitySource {
  release(): void;
}

/** The certificates that Envoys present to sidecars, handed to them by SDS. Kept in memory only. */
export interface NodeIdentities {
  /** Gives the identity of a SPIFFE id; streams of one node share it, and it ends with the last of them. */
  acquire(spiffeId: string): Promise<NodeIdentity>;
  close(): void;
}

interface Holding {
  readonly identity: Promise<IssuedIdentity>;
  holders: number;
}

/** Gives identities made by `create`, one for each SPIFFE id that is connected. */
export function createNodeIdentities(create: (spiffeId: string) => Promise<IssuedIdentity>): NodeIdentities {
  const held = new Map<string, Holding>();
  const release = (spiffeId: string, holding: Holding): void => {
    holding.holders -= 1;
    if (holding.holders > 0) return;
    if (held.get(spiffeId) === holding) held.delete(spiffeId);
    holding.identity.then(
      (identity) => {
        identity.close();
      },
      () => undefined,
    );
  };
  return {
    acquire: async (spiffeId) => {
      const holding = held.get(spiffeId) ?? { identity: create(spiffeId), holders: 0 };
      held.set(spiffeId, holding);
      holding.holders += 1;
      try {
        const identity = await holding.identity;
        let released = false;
        return {
          current: () => identity.current(),
          onChange: (listener) => identity.onChange(listener),
          release: () => {
            if (!released) release(spiffeId, holding);
            released = true;
          },
        };
      } catch (error) {
        release(spiffeId, holding);
        throw error;
      }
    },
    close: () => {
      for (const [spiffeId, holding] of [...held]) {
        holding.holders = 1;
        release(spiffeId, holding);
      }
    },
  };
}

import type { Orchestration } from '../../core/config/schema.ts';
import { FrontierError } from '../../core/errors.ts';
import type { NodeIdentities, NodeIdentity } from '../authority/node-identities.ts';
import { encodeType } from '../cache/snapshot.ts';
import type { Snapshot, TypeSnapshot } from '../cache/type-snapshot.ts';
import { TYPE_URLS } from '../protobuf/type-urls.ts';
import type { SnapshotCache } from '../cache/snapshot-cache.ts';
import type { Codec } from '../protobuf/codec.ts';
import { gatewaySecrets } from '../resources/secrets.ts';
import type { ViewKind } from '../resources/content.ts';
import type { StreamPeer } from './ads-access.ts';
import type { ServedView } from './ads-session.ts';
import { createSidecarView } from './sidecar-view.ts';

export interface ServedViewOptions {
  readonly cache: SnapshotCache;
  readonly identities: NodeIdentities;
  readonly codec: Codec;
  readonly orchestration: Orchestration;
  /** Zone that the client has named; empty for none. */
  readonly zone: string;
}

/** Gives what a peer is served: what all of its kind are, and for an Envoy its own secrets besides. Throws NOT_READY. */
export async function openServedView(peer: StreamPeer, options: ServedViewOptions): Promise<ServedView> {
  const { kind } = peer;
  if (kind === 'sidecar') return createSidecarView(options.codec, options.orchestration);
  if (options.cache.current(kind) === undefined) {
    throw new FrontierError('NOT_READY', "the loader's module states have not been received yet", {
      retryAfterMs: 500,
    });
  }
  const identity = kind === 'gateway' ? await options.identities.acquire(peer.spiffeId) : undefined;
  return createView(kind, identity, options);
}

function createView(
  kind: ViewKind,
  identity: NodeIdentity | undefined,
  { cache, codec, zone }: ServedViewOptions,
): ServedView {
  let shared: Snapshot | undefined;
  let secrets: TypeSnapshot | undefined;
  let combined: Snapshot | undefined;
  const reencode = (): void => {
    if (identity === undefined) return;
    secrets = encodeType('secrets', gatewaySecrets(identity.current()), codec, secrets);
    combined = undefined;
  };
  reencode();
  const current = (): Snapshot => {
    const latest = cache.current(kind, zone);
    if (latest === undefined) throw new FrontierError('NOT_READY', 'there is no snapshot');
    if (combined === undefined || latest !== shared) {
      shared = latest;
      combined = secrets === undefined ? latest : new Map([...latest, [TYPE_URLS.secrets, secrets]]);
    }
    return combined;
  };
  const ends: (() => void)[] = [];
  return {
    current,
    onChange: (listener) => {
      const endCache = cache.onChange(listener);
      const endIdentity = identity?.onChange(() => {
        reencode();
        listener();
      });
      const end = (): void => {
        endCache();
        endIdentity?.();
      };
      ends.push(end);
      return end;
    },
    close: () => {
      for (const end of ends) end();
      identity?.release();
    },
  };
}

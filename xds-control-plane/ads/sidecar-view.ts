import type { Orchestration } from '../../core/config/schema.ts';
import { encodeSnapshot } from '../cache/snapshot.ts';
import type { Snapshot } from '../cache/type-snapshot.ts';
import type { Codec } from '../protobuf/codec.ts';
import { TYPE_URLS } from '../protobuf/type-urls.ts';
import { listeningAddress, sidecarContent } from '../resources/sidecar.ts';
import type { ServedView } from './ads-session.ts';

/** A server listens at few addresses; whoever names more gets no listeners for them. */
const MAX_LISTENERS = 16;

/**
 * Gives the view of one sidecar that is an xDS-enabled gRPC server: the listeners that it asks for, made when it does, since only the
 * server knows where it listens. They depend on the configuration alone, so that a sidecar may start before the loader is heard.
 */
export function createSidecarView(codec: Codec, orchestration: Orchestration): ServedView {
  const names = new Set<string>();
  let snapshot: Snapshot = encodeSnapshot(sidecarContent([], orchestration), codec);
  return {
    current: () => snapshot,
    asked: (typeUrl, asked) => {
      if (typeUrl !== TYPE_URLS.listeners) return;
      const before = names.size;
      for (const name of asked) {
        if (names.size < MAX_LISTENERS && listeningAddress(name) !== undefined) names.add(name);
      }
      if (names.size === before) return;
      snapshot = encodeSnapshot(sidecarContent([...names], orchestration), codec, snapshot);
    },
    onChange: () => () => undefined,
    close: () => undefined,
  };
}

import type { Codec } from '../protobuf/codec.ts';
import { TYPE_URLS } from '../protobuf/type-urls.ts';
import { zonesOf } from '../resources/endpoints.ts';
import type { ModuleStates, ViewKind } from '../resources/content.ts';
import { endpointsFor } from '../resources/resources-for.ts';
import { encodeType } from './snapshot.ts';
import type { Snapshot } from './type-snapshot.ts';

/** What clients in one zone are served: as all others, but for the priorities of endpoints. */
export interface ZoneSnapshots {
  /** Gives the snapshot of a zone; that of everybody where no replica is in it, or it makes no difference. */
  of(kind: ViewKind, zone: string, base: Snapshot, states: ModuleStates): Snapshot;
}

interface Kept {
  readonly base: Snapshot;
  readonly snapshot: Snapshot;
}

/** Gives snapshots that are made when a client of a zone asks, once for each change: few zones have clients. */
export function createZoneSnapshots(codec: Codec): ZoneSnapshots {
  const kept = new Map<string, Kept>();
  return {
    of: (kind, zone, base, states) => {
      const key = `${kind} ${zone}`;
      const found = kept.get(key);
      if (found?.base === base) return found.snapshot;
      // Zones that are gone are not kept: clients name zones freely.
      kept.delete(key);
      if (zone === '' || !zonesOf(states).has(zone)) return base;
      const everybodys = base.get(TYPE_URLS.endpoints);
      const before = found?.snapshot.get(TYPE_URLS.endpoints) ?? everybodys;
      const endpoints = encodeType('endpoints', endpointsFor(states, kind, zone), codec, before);
      const isSame = endpoints.version === everybodys?.version;
      const snapshot = isSame ? base : new Map([...base, [TYPE_URLS.endpoints, endpoints]]);
      kept.set(key, { base, snapshot });
      return snapshot;
    },
  };
}

import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logging.ts';
import type { Store } from '../../core/store/store.ts';
import type { StateJoiner } from '../reports/mesh-states.ts';
import type { Outcomes } from '../rollout/ramp.ts';
import { createRampConductor } from '../rollout/ramp-conductor.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { createOutcomeLedger } from './outcome-ledger.ts';
import { fromTold, toTold } from './peer-record.ts';
import type { PeerRecord } from './peer-record.ts';
import { startPeers } from './peers.ts';
import type { Peers } from './peers.ts';

export interface JoinPeersOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly joiner: Pick<StateJoiner, 'own' | 'hear'>;
  readonly rollout: Pick<Rollout, 'add' | 'clusters' | 'propose' | 'follow'>;
  /** Whether the modules are known here. */
  readonly isReady: () => boolean;
}

export interface JoinedPeers extends Peers {
  /** Takes how calls of a cluster have ended by an Envoy that is connected here. */
  addOutcomes(cluster: string, outcomes: Outcomes): void;
}

/** Has all control planes of a store serve the same: routers' reports are known to all, and ramps are decided by one. */
export function joinPeers({ store, clock, log, joiner, rollout, isReady }: JoinPeersOptions): JoinedPeers {
  const id = randomUUID();
  const ledger = createOutcomeLedger();
  const conductor = createRampConductor({ id, store, clock, log, rollout, isReady });
  let told: { readonly from: unknown; readonly reports: PeerRecord['reports'] } = { from: undefined, reports: [] };
  let heard: readonly PeerRecord['reports'][] = [];
  const peers = startPeers({
    id,
    store,
    clock,
    log,
    tell: () => {
      const from = joiner.own();
      // Made once for what is the same, since the two clocks drift.
      if (told.from !== from) told = { from, reports: toTold(from, clock) };
      return { reports: told.reports, outcomes: ledger.totals(rollout.clusters()) };
    },
    hear: (records) => {
      for (const [cluster, outcomes] of ledger.news(records)) rollout.add(cluster, outcomes);
      const reports = [...records.values()].map((record) => record.reports);
      if (isDeepStrictEqual(reports, heard)) return;
      heard = reports;
      joiner.hear(fromTold(records.values(), clock));
    },
    then: () => conductor.turn(),
  });
  return {
    ...peers,
    addOutcomes: (cluster, outcomes) => {
      ledger.add(cluster, outcomes);
      rollout.add(cluster, outcomes);
    },
  };
}

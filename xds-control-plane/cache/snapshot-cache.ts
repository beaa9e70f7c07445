import type { Clock } from '../../core/clock.ts';
import type { Orchestration } from '../../core/config/schema.ts';
import type { Logger } from '../../core/logging.ts';
import type { Codec } from '../protobuf/codec.ts';
import type { ModuleStates, SnapshotContent, ViewKind } from '../resources/content.ts';
import { GATEWAY_SECRET, ROOTS_SECRET } from '../resources/names.ts';
import { consistencyFaults } from './consistency.ts';
import { createDebounce } from './debounce.ts';
import { encodeSnapshot, snapshotHash } from './snapshot.ts';
import type { Snapshot } from './type-snapshot.ts';
import { createZoneSnapshots } from './zone-snapshots.ts';

type Snapshots = Readonly<Record<ViewKind, Snapshot>>;

/** Holds what is served now. */
export interface SnapshotCache {
  /** Takes new module states; they are served after the quiet time, the first ones at once. */
  update(states: ModuleStates): void;
  /** What a kind of client is served, in a zone if it has named one; undefined before the first states have come (checklist 5). */
  current(kind: ViewKind, zone?: string): Snapshot | undefined;
  /** Calls back after each change of what is served; the returned function ends it. */
  onChange(listener: () => void): () => void;
  /** Hash over everything served; empty before the first states. */
  hash(): string;
  close(): void;
}

export interface SnapshotCacheOptions {
  readonly orchestration: Orchestration;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly log: Logger;
  /** The pure function from states to resources. */
  readonly resourcesFor: (states: ModuleStates, orchestration: Orchestration, kind: ViewKind) => SnapshotContent;
  /** Told of each rebuild: whether it was refused for inconsistency. */
  readonly onRebuild?: (outcome: 'changed' | 'unchanged' | 'refused') => void;
}

/** Secrets that each Envoy gets besides what is the same for all. */
const NODE_SECRETS: Readonly<Record<ViewKind, readonly string[]>> = {
  gateway: [GATEWAY_SECRET, ROOTS_SECRET],
  proxyless: [],
};

/** Gives a cache that rebuilds itself from module states, debounced, and refuses what is not consistent. */
export function createSnapshotCache(options: SnapshotCacheOptions): SnapshotCache {
  const { orchestration, codec, clock, log } = options;
  const listeners = new Set<() => void>();
  let states: ModuleStates = new Map();
  let served: Snapshots | undefined;
  let servedStates: ModuleStates = states;
  const zones = createZoneSnapshots(codec);

  const build = (kind: ViewKind): Snapshot => {
    const content = options.resourcesFor(states, orchestration, kind);
    const faults = consistencyFaults(content, NODE_SECRETS[kind]);
    if (faults.length > 0) throw new InconsistentSnapshot(faults);
    return encodeSnapshot(content, codec, served?.[kind]);
  };
  const rebuild = (): void => {
    const before = served;
    try {
      served = { gateway: build('gateway'), proxyless: build('proxyless') };
      servedStates = states;
    } catch (error) {
      // What was served goes on being served.
      log.error({
        event: 'snapshot_refused',
        faults: error instanceof InconsistentSnapshot ? error.faults : String(error),
      });
      options.onRebuild?.('refused');
      return;
    }
    const changed = before === undefined || hashOf(before) !== hashOf(served);
    options.onRebuild?.(changed ? 'changed' : 'unchanged');
    if (!changed) return;
    log.info({ event: 'snapshot_changed', hash: hashOf(served), modules: states.size });
    for (const listener of listeners) listener();
  };
  const debounce = createDebounce({
    clock,
    quietMs: orchestration.mesh.debounce * 1000,
    maxMs: orchestration.mesh.debounce_max * 1000,
    run: rebuild,
  });
  return {
    update: (next) => {
      states = next;
      if (served === undefined) rebuild();
      else debounce.trigger();
    },
    current: (kind, zone = '') => served && zones.of(kind, zone, served[kind], servedStates),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    hash: () => (served === undefined ? '' : hashOf(served)),
    close: () => {
      debounce.close();
      listeners.clear();
    },
  };
}

class InconsistentSnapshot extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('; '));
    this.faults = faults;
  }
}

function hashOf({ gateway, proxyless }: Snapshots): string {
  return `${snapshotHash(gateway)}${snapshotHash(proxyless)}`;
}

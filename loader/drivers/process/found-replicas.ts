import type { FoundReplica, ReplicaEvent, ReplicaHandle, ReplicaOrder } from '../driver.ts';
import type { KeptProcess } from './keeper/keeper-client.ts';
import type { ReplicaParts } from './replica-run.ts';

/** Takes over the parts of a replica. */
type Adopt = (
  order: Pick<ReplicaOrder, 'spec' | 'replicaId'>,
  parts: ReplicaParts,
  onEvent: (event: ReplicaEvent) => void,
) => ReplicaHandle;

const END_GRACE_MS = 3000;

/**
 * Gives the replicas that kept processes make up. One whose sidecar was not ready yet is ended: a fresh one is sooner ready than
 * it is understood.
 */
export function foundReplicas(kept: readonly KeptProcess[], adopt: Adopt): readonly FoundReplica[] {
  const byReplica = Map.groupBy(kept, ({ tag }) => tag.replicaId);
  return [...byReplica.values()].flatMap((parts) => {
    const sidecar = parts.find(({ tag }) => tag.part === 'sidecar');
    const workload = parts.find(({ tag }) => tag.part === 'workload');
    const port = sidecar?.ports?.['grpc'];
    if (sidecar === undefined || port === undefined) {
      void endParts(parts);
      return [];
    }
    const { moduleId, replicaId, version, createdAtMs } = sidecar.tag;
    return [
      {
        moduleId,
        replicaId,
        version,
        createdAtMs,
        endpoint: { address: '127.0.0.1', port },
        adopt: (spec, onEvent) =>
          adopt({ spec, replicaId }, { workload: workload?.process, sidecar: sidecar.process }, onEvent),
        end: () => endParts(parts),
      } satisfies FoundReplica,
    ];
  });
}

async function endParts(parts: readonly KeptProcess[]): Promise<void> {
  await Promise.all(parts.map(({ process }) => process.stop(END_GRACE_MS)));
}

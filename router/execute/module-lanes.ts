import { placesFor } from '../domain/priority.ts';
import type { ModuleBoard } from '../resilience/module-board.ts';
import type { ModuleChannels } from './module-channel.ts';
import { createModuleLane, type ModuleLane } from './module-lane.ts';

/** The bulk ways to all modules. */
export interface ModuleLanes {
  get(moduleId: string): ModuleLane;
  close(): void;
}

/** Creates the lanes, each at its first use. */
export function createModuleLanes(channels: ModuleChannels, board: ModuleBoard): ModuleLanes {
  const lanes = new Map<string, ModuleLane>();
  return {
    get(moduleId) {
      let lane = lanes.get(moduleId);
      if (lane === undefined) {
        lane = createModuleLane(moduleId, channels, () => bulkPlaces(board, moduleId));
        lanes.set(moduleId, lane);
      }
      return lane;
    },
    close() {
      for (const lane of lanes.values()) lane.close();
      lanes.clear();
    },
  };
}

/**
 * Bulk calls that a module may have at the same time: all running places and half of the queue, the rest is for interactive ones.
 * Of a limit that has been lowered, three quarters, and no more than interactive calls leave of it; always one.
 */
function bulkPlaces(board: ModuleBoard, moduleId: string): number {
  const record = board.record(moduleId);
  if (record === undefined) return 1;
  const { max_in_flight, max_queued } = record.spec.concurrency;
  const configured = Math.max(1, record.readyReplicas) * (max_in_flight + Math.floor(max_queued / 2));
  const { inFlight, inFlightLimit: learned = Infinity } = record;
  return Math.max(1, Math.min(configured, placesFor('low', learned, learned), learned - inFlight));
}

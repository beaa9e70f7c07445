import { openModuleStream, type BulkCall, type ModuleStream } from './module-stream.ts';
import type { ModuleChannels } from './module-channel.ts';

/** Streams kept open to one module: two, so that one can be written to while the other drains. */
const STREAMS = 2;
/** Most calls in one message, so that no message holds up the others for long. */
const MAX_BATCH = 256;

/** The bulk way to one module: calls of the same tick go out together, over streams that stay open. */
export interface ModuleLane {
  /** Sends a call as soon as the module has a place for it. */
  send(call: BulkCall): void;
  /** Drops a call that is queued or in flight. */
  forget(call: BulkCall): void;
  close(): void;
}

/**
 * Creates the lane of a module.
 * @param places how many calls the module takes at the same time, asked at each turn
 */
export function createModuleLane(moduleId: string, channels: ModuleChannels, places: () => number): ModuleLane {
  const queued = new Set<BulkCall>();
  let streams: ModuleStream[] = [];
  let scheduled = false;

  const flush = (): void => {
    scheduled = false;
    let free = places() - streams.reduce((sum, { inFlight }) => sum + inFlight, 0);
    while (queued.size > 0 && free > 0) {
      const stream = pickStream();
      if (stream === undefined) return;
      const batch = takeFirst(queued, Math.min(free, MAX_BATCH));
      free -= batch.length;
      stream.send(batch);
    }
  };
  const schedule = (): void => {
    if (scheduled || queued.size === 0) return;
    scheduled = true;
    setImmediate(flush);
  };
  const pickStream = (): ModuleStream | undefined => {
    streams = streams.filter(({ open }) => open);
    if (streams.length < STREAMS) streams.push(openModuleStream(moduleId, channels, { onProgress: schedule }));
    const writable = streams.filter(({ blocked }) => !blocked);
    return writable.reduce<ModuleStream | undefined>(
      (least, stream) => (least === undefined || stream.inFlight < least.inFlight ? stream : least),
      undefined,
    );
  };
  return {
    send(call) {
      queued.add(call);
      schedule();
    },
    forget(call) {
      if (queued.delete(call)) return;
      for (const stream of streams) if (stream.forget(call.messageId)) return;
    },
    close() {
      for (const stream of streams) stream.close();
      streams = [];
    },
  };
}

function takeFirst<T>(items: Set<T>, count: number): T[] {
  const taken: T[] = [];
  for (const item of items) {
    if (taken.length >= count) break;
    items.delete(item);
    taken.push(item);
  }
  return taken;
}

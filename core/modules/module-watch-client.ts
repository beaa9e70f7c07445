import type { ChannelCredentials } from '@grpc/grpc-js';
import { LoaderServiceClient } from '../../gen/frontier/loader/v1/loader.ts';
import type { WatchModulesResponse } from '../../gen/frontier/loader/v1/loader.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { meshClientOptions, streamCall } from '../grpc/channel.ts';
import type { Logger } from '../logging.ts';
import { jitter } from '../rng.ts';
import type { Rng } from '../rng.ts';
import { moduleViewFromProto } from './module-view.ts';
import type { ModuleView } from './module-view.ts';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

export interface WatchModulesOptions {
  /** Loader, as host:port. */
  readonly address: string;
  readonly credentials: ChannelCredentials;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  /** Called with every module after each change; the map is never edited afterwards. */
  readonly onChange?: (views: ReadonlyMap<string, ModuleView>) => void;
}

/** The modules as the loader last told them. */
export interface ModuleWatch {
  /** Resolves with the loader's first snapshot. */
  readonly synced: Promise<void>;
  current(): ReadonlyMap<string, ModuleView>;
  /** Whether the loader's stream is open now. */
  isConnected(): boolean;
  close(): void;
}

/** Follows the loader's modules. While it is away the last state holds (static stability) and it is dialled again. */
export function watchModules(options: WatchModulesOptions): ModuleWatch {
  const { address, credentials, clock, rng, log } = options;
  const client = new LoaderServiceClient(address, credentials, meshClientOptions());
  const stop = new AbortController();
  let views: ReadonlyMap<string, ModuleView> = new Map();
  let connected = false;
  let markSynced: () => void = () => undefined;
  const synced = new Promise<void>((resolve) => {
    markSynced = resolve;
  });

  const isStopped = (): boolean => stop.signal.aborted;
  const follow = async (): Promise<void> => {
    for await (const change of streamCall(
      client.watchModules.bind(client),
      { moduleIds: [] },
      { signal: stop.signal },
    )) {
      if (!connected) log.info({ event: 'loader_connected', address });
      connected = true;
      views = applyChange(views, change, log);
      markSynced();
      options.onChange?.(views);
    }
  };
  const run = async (): Promise<void> => {
    let retryMs = FIRST_RETRY_MS;
    while (!isStopped()) {
      let reason = 'the stream ended';
      try {
        await follow();
      } catch (error) {
        reason = messageOf(error);
      }
      if (isStopped()) return;
      if (connected) {
        log.warn({ event: 'loader_lost', address, reason });
        retryMs = FIRST_RETRY_MS;
      }
      connected = false;
      await clock.sleep(jitter(retryMs, 0.2, rng), stop.signal).catch(() => undefined);
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    }
  };
  void run();
  return {
    synced,
    current: () => views,
    isConnected: () => connected,
    close: () => {
      stop.abort();
      client.close();
    },
  };
}

/** Gives the views after a message: a snapshot replaces all, a change only what it names. */
export function applyChange(
  views: ReadonlyMap<string, ModuleView>,
  change: WatchModulesResponse,
  log: Logger,
): ReadonlyMap<string, ModuleView> {
  const next = new Map(change.snapshot ? [] : views);
  for (const id of change.removedModuleIds) next.delete(id);
  for (const module of change.modules) {
    try {
      next.set(module.moduleId, moduleViewFromProto(module));
    } catch (error) {
      // One unreadable module (a newer loader's) must not hide the others; its last state holds.
      const last = views.get(module.moduleId);
      if (last !== undefined) next.set(module.moduleId, last);
      log.error({ event: 'module_unreadable', module: module.moduleId, error: messageOf(error) });
    }
  }
  return next;
}

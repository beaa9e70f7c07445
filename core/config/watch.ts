import { dirname, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { systemClock, type Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logging.ts';
import { ConfigError, formatFault } from './config-fault.ts';
import { DEFAULT_CONFIG_FILE, fingerprint } from './config-files.ts';
import { loadConfig, type LoadOptions } from './load.ts';
import type { FrontierConfig } from './schema.ts';

export interface WatchOptions extends LoadOptions {
  readonly log: Logger;
  /** Called with each new configuration that is valid and differs from the one in force. */
  readonly onChange: (config: FrontierConfig) => void;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** Time between two looks at the files; a change takes effect after one to two of them. */
  readonly intervalMs?: number;
}

/**
 * Loads the configuration anew when its files change; give the `path` and `env` that `config` was loaded with. A bad
 * one is logged with all its faults, and the last good one stays in force.
 *
 * The files are looked at, not subscribed to: that sees editors that rename, ConfigMaps that swap a link, folders that
 * appear later and network file systems alike. A change counts once two looks agree, so that a set of files that is
 * being written is left alone until it is whole.
 */
export function watchConfig(config: FrontierConfig, options: WatchOptions): void {
  const { log, onChange, signal, clock = systemClock, intervalMs = 1000, path, env } = options;
  if (signal.aborted) return;
  const configPath = resolve(path ?? DEFAULT_CONFIG_FILE);
  const look = (): string => fingerprint(configPath, dirname(configPath));
  let inForce = config;
  let loaded = look();
  let seen = loaded;

  const reload = (): void => {
    const next = tryLoad({ path, env }, log);
    if (next === undefined || isDeepStrictEqual(next, inForce)) return;
    inForce = next;
    log.info({ event: 'config_reloaded', warnings: next.warnings });
    onChange(next);
  };
  const cancel = clock.every(intervalMs, () => {
    const now = look();
    const settled = now === seen;
    seen = now;
    if (!settled || now === loaded) return;
    loaded = now;
    reload();
  });
  signal.addEventListener('abort', cancel, { once: true });
}

function tryLoad(options: LoadOptions, log: Logger): FrontierConfig | undefined {
  try {
    return loadConfig(options);
  } catch (error) {
    const faults = error instanceof ConfigError ? error.faults.map(formatFault) : [messageOf(error)];
    log.error(
      { event: 'config_rejected', faults },
      'the changed configuration is not valid; the last one stays in force',
    );
    return undefined;
  }
}

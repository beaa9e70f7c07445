import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';

/**
 * Gives `runtime.<key>` as set in the environment or in the configuration file, absolute; undefined when it is not set.
 * Read by pattern: the YAML parser is not installed yet when this is asked, and the services check the file properly.
 */
export function runtimeSetting(key, { env, configPath }) {
  const override = env[`FRONTIER_RUNTIME__${key.toUpperCase()}`];
  if (override) return resolve(override);
  if (!existsSync(configPath)) return undefined;
  const found = new RegExp(`^\\s+${key}:\\s*(['"]?)([^'"#\\n]+?)\\1\\s*(?:#.*)?$`, 'm').exec(
    readFileSync(configPath, 'utf8'),
  );
  return found ? resolve(dirname(configPath), found[2]) : undefined;
}

/** Value of `--name value` or `--name=value` among arguments; undefined when absent. */
export function flagValue(args, name) {
  const at = args.findIndex((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`));
  if (at < 0) return undefined;
  return args[at].includes('=') ? args[at].slice(args[at].indexOf('=') + 1) : args[at + 1];
}

/** Path of a program on PATH; undefined when it is not there. */
export function findOnPath(name, env) {
  return (env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

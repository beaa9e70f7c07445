import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { messageOf } from '../errors.ts';
import { parseYamlBytes, unreadable, type YamlSource } from './yaml-source.ts';

export const DEFAULT_CONFIG_FILE = 'orchestration-config.yaml';
const MODULES_FOLDER = 'modules';

/** A file of the configuration, as it was read. */
export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  readonly source: YamlSource;
}

/** Reads and parses `path`; whatever stands in the way becomes a fault of the result. */
export function readConfigFile(path: string): ConfigFile {
  const name = displayName(path);
  try {
    return { path, source: parseYamlBytes(name, readFileSync(path)) };
  } catch (error) {
    const message = codeOf(error) === 'ENOENT' ? 'there is no such file' : `cannot be read: ${messageOf(error)}`;
    return { path, source: unreadable(name, message) };
  }
}

/** Reads every module spec beside the configuration file, ordered by file name; none when there is no such folder. */
export function readModuleFiles(rootDir: string): ConfigFile[] {
  const folder = join(rootDir, MODULES_FOLDER);
  try {
    return moduleFileNames(folder).map((name) => readModuleFile(join(folder, name)));
  } catch (error) {
    return [{ path: folder, source: unreadable(displayName(folder), `cannot be read: ${messageOf(error)}`) }];
  }
}

/** Gives a text that changes when a file of the configuration is written, added or taken away; never throws. */
export function fingerprint(configPath: string, rootDir: string): string {
  const folder = join(rootDir, MODULES_FOLDER);
  try {
    const modules = moduleFileNames(folder).map((name) => join(folder, name));
    return [configPath, ...modules].map(fingerprintOfFile).join('\n');
  } catch (error) {
    return `unreadable: ${messageOf(error)}`;
  }
}

/** Tells whether something stands at `path`. */
export function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function moduleFileNames(folder: string): string[] {
  if (!exists(folder)) return [];
  return readdirSync(folder)
    .filter(
      (name) => /^[^.].*\.ya?ml$/i.test(name) && statSync(join(folder, name), { throwIfNoEntry: false })?.isFile(),
    )
    .sort();
}

function readModuleFile(path: string): ConfigFile {
  if (path.endsWith('.yaml')) return readConfigFile(path);
  // Passing over it in silence would leave its author wondering where the module is.
  return { path, source: unreadable(displayName(path), 'is not read: a module spec must be named <module id>.yaml') };
}

function fingerprintOfFile(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
  return `${path} ${stats === undefined ? 'absent' : [stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ')}`;
}

/** Names a file as its user would: from the working directory when it lies below it. */
function displayName(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere === '' || fromHere.startsWith('..') ? path : fromHere;
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import type { Orchestration } from '../config/schema.ts';
import { FrontierError, messageOf } from '../errors.ts';

type RedisConfig = NonNullable<Orchestration['storage']['redis']>;

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface RedisLogin {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** Where Redis is, with secrets read; never to be logged. `describe` may be. */
export interface RedisSettings {
  readonly topology:
    | { readonly kind: 'single'; readonly node: HostPort }
    | {
        readonly kind: 'sentinel';
        readonly master: string;
        readonly nodes: readonly HostPort[];
        readonly login: RedisLogin;
      }
    | { readonly kind: 'cluster'; readonly nodes: readonly HostPort[] };
  readonly login: RedisLogin;
  readonly database: number;
  readonly tls: ConnectionOptions | undefined;
  readonly keyPrefix: string;
  readonly commandTimeoutMs: number;
  /** For logs: how and where, without secrets. */
  readonly describe: string;
}

export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that files are relative to. */
  readonly rootDir: string;
}

const PATH = 'orchestration.storage.redis';
const DEFAULT_PORT = 6379;

/**
 * Gives the settings with passwords and certificates read from where the configuration says.
 * @throws FrontierError CONFIG_INVALID that names the key and what to do, when a variable is not set or a file cannot be read
 */
export function readRedisSettings(config: RedisConfig, sources: SecretSources): RedisSettings {
  const topology = topologyOf(config, sources);
  const nodes = topology.kind === 'single' ? [topology.node] : topology.nodes;
  return {
    topology,
    login: readLogin(config, PATH, sources),
    database: config.database,
    tls: readTls(config, sources),
    keyPrefix: config.key_prefix,
    commandTimeoutMs: config.command_timeout * 1000,
    describe: `${topology.kind} ${nodes.map(({ host, port }) => `${host}:${port}`).join(', ')}`,
  };
}

function topologyOf({ url, sentinel, cluster }: RedisConfig, sources: SecretSources): RedisSettings['topology'] {
  if (cluster !== undefined) return { kind: 'cluster', nodes: cluster.nodes.map(hostPortOf) };
  if (sentinel !== undefined) {
    const { master, nodes } = sentinel;
    const login = readLogin(sentinel, `${PATH}.sentinel`, sources);
    return { kind: 'sentinel', master, nodes: nodes.map(hostPortOf), login };
  }
  const { hostname, port } = new URL(url ?? '');
  const host = hostname.replace(/^\[|\]$/g, '');
  return { kind: 'single', node: { host, port: port === '' ? DEFAULT_PORT : Number(port) } };
}

function hostPortOf(text: string): HostPort {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

interface LoginConfig {
  readonly username?: string | undefined;
  readonly password_env?: string | undefined;
  readonly password_file?: string | undefined;
}

function readLogin(config: LoginConfig, path: string, sources: SecretSources): RedisLogin {
  const { username, password_env: variable, password_file: file } = config;
  if (variable !== undefined) {
    const password = sources.env[variable];
    if (password === undefined || password === '')
      throw invalid(`${path}.password_env: the variable ${variable} is not set; set it, or take the key out`);
    return { username, password };
  }
  if (file === undefined) return { username, password: undefined };
  // Editors end files with a line feed; a password has none.
  const password = readText(file, `${path}.password_file`, sources).replace(/\r?\n$/, '');
  if (password === '') throw invalid(`${path}.password_file: ${file} is empty; put the password into it`);
  return { username, password };
}

function readTls({ url, tls }: RedisConfig, sources: SecretSources): ConnectionOptions | undefined {
  if (tls === undefined) return url?.startsWith('rediss:') === true ? {} : undefined;
  const read = (key: 'ca' | 'cert' | 'key'): Partial<Record<'ca' | 'cert' | 'key', string>> => {
    const file = tls[key];
    return file === undefined ? {} : { [key]: readText(file, `${PATH}.tls.${key}`, sources) };
  };
  const name = tls.server_name === undefined ? {} : { servername: tls.server_name };
  return { ...read('ca'), ...read('cert'), ...read('key'), ...name };
}

function readText(file: string, path: string, { rootDir }: SecretSources): string {
  try {
    return readFileSync(resolve(rootDir, file), 'utf8');
  } catch (error) {
    throw invalid(`${path}: ${file} cannot be read (${messageOf(error)}); put the file there or correct the path`);
  }
}

function invalid(message: string): FrontierError {
  return new FrontierError('CONFIG_INVALID', message);
}

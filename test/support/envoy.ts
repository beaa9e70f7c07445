import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { startPart } from './process.ts';
import { tempFolder } from './temp-folder.ts';

/** Folder in which `frontier up` keeps what it has fetched. */
export function frontierCacheDir(): string {
  return (
    process.env['FRONTIER_CACHE_DIR'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'frontier')
  );
}

/** Gives the path of the Envoy binary: the one named in FRONTIER_TEST_ENVOY or
 * FRONTIER_RUNTIME__ENVOY_PATH, then PATH, then what Frontier has fetched. Throws when there is none. */
export function envoyPath(): string {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'envoy'));
  const candidates = [
    process.env['FRONTIER_TEST_ENVOY'] ?? '',
    ...onPath,
    join(frontierCacheDir(), 'envoy-1.40.0', 'envoy'),
  ];
  const found = candidates.find((path) => path !== '' && isExecutable(path));
  if (found === undefined)
    throw new Error('no Envoy binary found; `npm start` fetches it, or name one in FRONTIER_TEST_ENVOY');
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface EnvoyOptions {
  /** Bootstrap without `admin`, which is added on a free port. */
  readonly bootstrap: Readonly<Record<string, unknown>>;
  /** `live` (when left out): its first configuration is complete. `started`: its admin page answers. */
  readonly until?: 'live' | 'started';
  readonly logLevel?: 'trace' | 'debug' | 'info' | 'warning' | 'error';
  /** Longest wait for it, in milliseconds; 20 s when left out. */
  readonly timeoutMs?: number;
}

/** A running Envoy. */
export interface RunningEnvoy {
  readonly pid: number;
  readonly adminUrl: string;
  /** Gives the body of an admin page, e.g. `/config_dump`; throws when it is not 200. */
  admin(path: string): Promise<string>;
  /** Gives the counters and gauges whose names match the regular expression. */
  stats(filter?: string): Promise<Record<string, number>>;
  /** Gives one counter or gauge; 0 when Envoy does not have it (yet). */
  stat(name: string): Promise<number>;
  /** Gives the port that a listener got. */
  listenerPort(name: string): Promise<number>;
  /** What it has logged so far. */
  log(): string;
  stop(): Promise<void>;
}

/** Starts a real Envoy with the bootstrap given, one worker, no hot restart; stopped at the latest when the file's tests have ended. */
export async function startEnvoy(options: EnvoyOptions): Promise<RunningEnvoy> {
  const folder = tempFolder('envoy');
  const configPath = join(folder, 'bootstrap.json');
  const adminFile = join(folder, 'admin.txt');
  const admin = { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } };
  writeFileSync(configPath, JSON.stringify({ ...options.bootstrap, admin }));
  const { until = 'live', logLevel = 'warning', timeoutMs = 20_000 } = options;
  const part = await startPart({
    command: envoyPath(),
    args: [
      '-c',
      configPath,
      '--admin-address-path',
      adminFile,
      '--disable-hot-restart',
      '--concurrency',
      '1',
      '-l',
      logLevel,
    ],
    readyTimeoutMs: timeoutMs,
    graceMs: 3_000,
    ready: async () => existsSync(adminFile) && (await answers(adminUrlIn(adminFile), until)),
  });
  const adminUrl = adminUrlIn(adminFile);
  return {
    pid: part.pid,
    adminUrl,
    ...adminReader(adminUrl),
    log: () => part.stdout() + part.stderr(),
    stop: () => part.stop(),
  };
}

function adminUrlIn(adminFile: string): string {
  return `http://${readFileSync(adminFile, 'utf8').trim()}`;
}

/** `/ready` gives 200 once live and 503 before. */
async function answers(adminUrl: string, until: 'live' | 'started'): Promise<boolean> {
  const response = await fetch(`${adminUrl}/ready`);
  await response.text();
  return until === 'started' || response.ok;
}

/** Gives the readers of an Envoy's admin page. */
export function adminReader(adminUrl: string): Pick<RunningEnvoy, 'admin' | 'stats' | 'stat' | 'listenerPort'> {
  const admin = async (path: string): Promise<string> => {
    const response = await fetch(adminUrl + path);
    const body = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${body}`);
    return body;
  };
  const stats = async (filter = '.*'): Promise<Record<string, number>> =>
    parseStats(await admin(`/stats?filter=${encodeURIComponent(filter)}`));
  return {
    admin,
    stats,
    stat: async (name) => (await stats(`^${name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}$`))[name] ?? 0,
    listenerPort: async (name) => portOf(await admin('/listeners?format=json'), name),
  };
}

/** Lines are `name: value`; histograms, whose value is no number, are left out. */
function parseStats(text: string): Record<string, number> {
  const pairs = text
    .split('\n')
    .map((line) => [line.slice(0, line.lastIndexOf(': ')), line.slice(line.lastIndexOf(': ') + 2)] as const)
    .filter(([name, value]) => name !== '' && /^\d+$/.test(value));
  return Object.fromEntries(pairs.map(([name, value]) => [name, Number(value)]));
}

interface ListenersPage {
  readonly listener_statuses?: readonly {
    readonly name: string;
    readonly local_address: { readonly socket_address: { readonly port_value: number } };
  }[];
}

function portOf(listenersJson: string, name: string): number {
  const page = JSON.parse(listenersJson) as ListenersPage;
  const found = page.listener_statuses?.find((listener) => listener.name === name);
  if (found === undefined) throw new Error(`Envoy has no listener ${name}`);
  return found.local_address.socket_address.port_value;
}

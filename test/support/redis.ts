import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { requirePart } from './require-part.ts';
import { startPart, type Part } from './process.ts';
import { tempFolder } from './temp-folder.ts';

const run = promisify(execFile);

export interface RedisServerOptions {
  /** More of redis.conf, as command-line arguments. */
  readonly args?: readonly string[];
  /** Arguments with which redis-cli is let in. */
  readonly cliArgs?: readonly string[];
  /** Port to come back at; a free one when left out. */
  readonly port?: number;
}

export interface RunningRedis {
  readonly port: number;
  readonly url: string;
  readonly part: Part;
  /** Runs one command and gives what redis-cli prints. */
  readonly cli: (...args: string[]) => Promise<string>;
  /** SIGKILL: gone without a word, and with all that it held. */
  kill(): Promise<void>;
  /** Starts it again at the same port, empty. */
  revive(): Promise<RunningRedis>;
  stop(): Promise<void>;
}

/** Starts a real redis-server on loopback, in memory alone. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RunningRedis> {
  const { args = [], cliArgs = [], port = await freePort() } = options;
  const cli = (...command: string[]): Promise<string> => redisCli(port, [...cliArgs, ...command]);
  const part = await startPart({
    command: requirePart('redis'),
    // The arguments may give port 0, for TLS alone.
    args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...args],
    cwd: tempFolder('redis'),
    graceMs: 2_000,
    ready: async () => (await cli('ping')) === 'PONG',
  });
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    part,
    cli,
    async kill() {
      part.child.kill('SIGKILL');
      await part.exited;
    },
    revive: () => startRedis({ ...options, port }),
    stop: () => part.stop(),
  };
}

/** Runs one command of redis-cli, without a shell, and gives what it prints. */
export async function redisCli(port: number, args: readonly string[]): Promise<string> {
  const { stdout } = await run('redis-cli', ['-p', String(port), ...args], { timeout: 20_000 });
  return stdout.trim();
}

export interface RunningCluster {
  readonly nodes: readonly RunningRedis[];
  /** As storage.redis.cluster.nodes takes them. */
  readonly addresses: readonly string[];
}

/** Starts a real cluster of three masters. */
export async function startRedisCluster(): Promise<RunningCluster> {
  const nodes: RunningRedis[] = [];
  for (let count = 0; count < 3; count += 1) {
    const folder = tempFolder('redis-node');
    const args = ['--cluster-enabled', 'yes', '--cluster-config-file', join(folder, 'nodes.conf')];
    const bus = ['--cluster-port', String(await freePort()), '--cluster-node-timeout', '2000'];
    nodes.push(await startRedis({ args: [...args, ...bus] }));
  }
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await run('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-replicas', '0', '--cluster-yes'], {
    timeout: 30_000,
  });
  await eventually(
    async () => {
      const infos = await Promise.all(nodes.map(({ cli }) => cli('cluster', 'info')));
      return infos.every((info) => info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3'));
    },
    { what: 'the cluster to be whole' },
  );
  return { nodes, addresses };
}

/**
 * Lets `ms` pass for every entry with a life, on each of the servers: what is left of it becomes so much less. Real time
 * goes on beside, so that entries end a little sooner than they would by this alone.
 */
export async function passTime(nodes: readonly RunningRedis[], ms: number): Promise<void> {
  const shorten = `for _, key in ipairs(redis.call('KEYS', '*')) do
    local left = redis.call('PTTL', key)
    if left >= 0 then redis.call('PEXPIRE', key, left - tonumber(ARGV[1])) end
  end`;
  await Promise.all(nodes.map(({ cli }) => cli('eval', shorten, '0', String(ms))));
}

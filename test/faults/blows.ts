import { systemClock } from '../../core/clock.ts';
import { eventually } from '../support/eventually.ts';
import type { RunningFrontier } from '../support/frontier.ts';
import { ask, type Target } from './ask.ts';
import {
  PRIMARY_ANSWER,
  readyModules,
  SECONDARY_ANSWER,
  startFaultUpstream,
  type FaultUpstream,
} from './fault-system.ts';
import type { RunningRedis } from '../support/redis.ts';
import { startExpired } from './impostor.ts';
import type { Blow, FaultCase } from './faults.ts';

/** The servers behind the two modules; one that was killed is another process afterwards. */
export interface Servers {
  readonly primary: FaultUpstream;
  readonly secondary: FaultUpstream;
  readonly redis: RunningRedis | undefined;
}

/** Takes back what a blow has done besides ending a process. */
export type Undo = () => Promise<void>;

/** How the system's own processes are known by their command lines. */
const COMMANDS: Readonly<Record<Exclude<Blow['to'], 'primary' | 'everyone' | 'redis' | 'certificate'>, RegExp>> = {
  sidecar: /sidecar\/main.*--module-id primary/,
  router: /router\/main/,
  loader: /loader\/main/,
  'control-plane': /xds-control-plane\/main/,
  envoy: /^\S*envoy\S* /,
};

const RECOVERY_MS = 60_000;

/** Brings a fault about; gives how to take back what does not end by itself. */
export async function strike(
  { upstream, blow }: FaultCase,
  servers: Servers,
  frontier: RunningFrontier,
): Promise<Undo | undefined> {
  if (upstream !== undefined) await servers.primary.fail(upstream);
  if (blow === undefined) return undefined;
  if (blow.to === 'redis') {
    await servers.redis?.kill();
    return undefined;
  }
  if (blow.to === 'certificate') return strikeCertificate(servers, frontier);
  for (const pid of await pidsOf(blow, servers, frontier)) process.kill(pid, blow.signal);
  if (blow.signal !== 'SIGKILL') return undefined;
  if (blow.to === 'primary' || blow.to === 'everyone') await servers.primary.part?.exited;
  if (blow.to === 'everyone') await servers.secondary.part?.exited;
  return undefined;
}

/**
 * Puts a server with an expired certificate in the place of the primary's sidecar. The loader is held meanwhile, since it would put
 * another replica elsewhere at once.
 */
async function strikeCertificate(servers: Servers, frontier: RunningFrontier): Promise<Undo> {
  const port = await sidecarPort(frontier.url);
  const [loader] = await pidsOf({ to: 'loader', signal: 'SIGKILL' }, servers, frontier);
  const [sidecar] = await pidsOf({ to: 'sidecar', signal: 'SIGKILL' }, servers, frontier);
  process.kill(loader!, 'SIGSTOP');
  process.kill(sidecar!, 'SIGKILL');
  const end = await startExpired(frontier.dataDir, 'primary', port);
  return async () => {
    await end();
    process.kill(loader!, 'SIGCONT');
  };
}

async function sidecarPort(url: string): Promise<number> {
  const reply = await fetch(`${url}/status`);
  const { modules } = (await reply.json()) as {
    modules: { module_id: string; replicas: { endpoint?: { port: number } }[] }[];
  };
  return modules.find(({ module_id }) => module_id === 'primary')!.replicas[0]!.endpoint!.port;
}

/** Takes a fault away, as far as that is not the system's own business, and waits until both modules are ready. */
export async function mend({ blow }: FaultCase, servers: Servers, frontier: RunningFrontier): Promise<Servers> {
  let mended = servers;
  if (blow?.to === 'redis') mended = { ...servers, redis: await servers.redis?.revive() };
  else if (blow?.to === 'certificate') await pidsOf({ to: 'sidecar', signal: 'SIGKILL' }, servers, frontier);
  else if (blow?.signal === 'SIGSTOP')
    for (const pid of await pidsOf(blow, servers, frontier)) process.kill(pid, 'SIGCONT');
  else if (blow?.to === 'primary') mended = { ...servers, primary: await restarted(servers.primary, PRIMARY_ANSWER) };
  else if (blow?.to === 'everyone') {
    const primary = await restarted(servers.primary, PRIMARY_ANSWER);
    mended = { ...servers, primary, secondary: await restarted(servers.secondary, SECONDARY_ANSWER) };
  } else if (blow?.signal === 'SIGKILL') await pidsOf(blow, servers, frontier);
  // One that the loader starts may be on its way back.
  await eventually(() => mended.primary.fail('healthy').then(() => true), {
    timeoutMs: RECOVERY_MS,
    what: 'the primary to be well',
  });
  await eventually(async () => (await readyModules(frontier.url)).length === 2 && !(await isCooling(frontier.url)), {
    timeoutMs: RECOVERY_MS,
    what: 'both modules to be ready again',
  });
  return mended;
}

/** Whether a module is still left alone because it asked for that: the next request would not meet its fault. */
export async function isCooling(url: string): Promise<boolean> {
  const reply = await fetch(`${url}/fallback/stats`);
  const { modules } = (await reply.json()) as { modules: { cooldown_seconds: number }[] };
  return modules.some(({ cooldown_seconds }) => cooldown_seconds > 0);
}

export interface Recovery {
  /** When the good answers began, on the monotonic clock. */
  readonly sinceMs: number;
  /** Requests that were sent one after another until then, and how many of them were lost. */
  readonly asked: number;
  readonly lost: number;
}

/** Waits until the system answers well, and goes on to for `steadyMs`. */
export async function recovered(target: Target, steadyMs = 0): Promise<Recovery> {
  let sinceMs: number | undefined;
  let asked = 0;
  let lost = 0;
  await eventually(
    async () => {
      const askedMs = systemClock.monotonicMs();
      const isGood = (await ask('openai', target)).verdict === 'good';
      asked += 1;
      if (!isGood) lost += 1;
      sinceMs = isGood ? (sinceMs ?? askedMs) : undefined;
      return sinceMs !== undefined && systemClock.monotonicMs() - sinceMs >= steadyMs;
    },
    { timeoutMs: RECOVERY_MS, what: 'good answers' },
  );
  return { sinceMs: sinceMs ?? systemClock.monotonicMs(), asked, lost };
}

function restarted(upstream: FaultUpstream, answer: string): Promise<FaultUpstream> {
  return startFaultUpstream(answer, Number(new URL(upstream.url).port));
}

/** Gives the processes that are to be struck; one that is on its way back from the last blow is waited for. */
async function pidsOf(
  blow: Exclude<Blow, { to: 'redis' | 'certificate' }>,
  { primary, secondary }: Servers,
  frontier: RunningFrontier,
): Promise<readonly number[]> {
  if (blow.to === 'primary') return [primary.part!.pid];
  if (blow.to === 'everyone') return [primary.part!.pid, secondary.part!.pid];
  const pattern = COMMANDS[blow.to];
  const find = (): number[] => frontier.processes().flatMap(({ pid, command }) => (pattern.test(command) ? [pid] : []));
  return await eventually(() => (find().length > 0 ? find() : undefined), {
    timeoutMs: RECOVERY_MS,
    what: `a process of ${blow.to}`,
  });
}

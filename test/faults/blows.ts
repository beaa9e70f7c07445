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
import type { Blow, FaultCase } from './faults.ts';

/** The servers behind the two modules; one that was killed is another process afterwards. */
export interface Servers {
  readonly primary: FaultUpstream;
  readonly secondary: FaultUpstream;
}

/** How the system's own processes are known by their command lines. */
const COMMANDS: Readonly<Record<Exclude<Blow['to'], 'primary' | 'everyone'>, RegExp>> = {
  sidecar: /sidecar\/main.*--module-id primary/,
  router: /router\/main/,
  loader: /loader\/main/,
  'control-plane': /xds-control-plane\/main/,
  envoy: /^\S*envoy\S* /,
};

const RECOVERY_MS = 60_000;

/** Brings a fault about. */
export async function strike(
  { upstream, blow }: FaultCase,
  servers: Servers,
  frontier: RunningFrontier,
): Promise<void> {
  if (upstream !== undefined) await servers.primary.fail(upstream);
  if (blow === undefined) return;
  for (const pid of await pidsOf(blow, servers, frontier)) process.kill(pid, blow.signal);
  if (blow.signal !== 'SIGKILL') return;
  if (blow.to === 'primary' || blow.to === 'everyone') await servers.primary.part.exited;
  if (blow.to === 'everyone') await servers.secondary.part.exited;
}

/** Takes a fault away, as far as that is not the system's own business, and waits until both modules are ready. */
export async function mend({ blow }: FaultCase, servers: Servers, frontier: RunningFrontier): Promise<Servers> {
  let mended = servers;
  if (blow?.signal === 'SIGSTOP') for (const pid of await pidsOf(blow, servers, frontier)) process.kill(pid, 'SIGCONT');
  else if (blow?.to === 'primary') mended = { ...servers, primary: await restarted(servers.primary, PRIMARY_ANSWER) };
  else if (blow?.to === 'everyone') {
    const primary = await restarted(servers.primary, PRIMARY_ANSWER);
    mended = { primary, secondary: await restarted(servers.secondary, SECONDARY_ANSWER) };
  } else if (blow?.signal === 'SIGKILL') await pidsOf(blow, servers, frontier);
  await mended.primary.fail('healthy');
  await eventually(async () => (await readyModules(frontier.url)).length === 2 && !(await isCooling(frontier.url)), {
    timeoutMs: RECOVERY_MS,
    what: 'both modules to be ready again',
  });
  return mended;
}

/** Whether a module is still left alone because it asked for that: the next fault would not be met. */
async function isCooling(url: string): Promise<boolean> {
  const reply = await fetch(`${url}/fallback/stats`);
  const { modules } = (await reply.json()) as { modules: { cooldown_seconds: number }[] };
  return modules.some(({ cooldown_seconds }) => cooldown_seconds > 0);
}

/** Waits until the system answers well, and goes on to for `steadyMs`; gives when that began, on the monotonic clock. */
export async function recovered(target: Target, steadyMs = 0): Promise<number> {
  let sinceMs: number | undefined;
  await eventually(
    async () => {
      const askedMs = systemClock.monotonicMs();
      if ((await ask('openai', target)).verdict !== 'good') sinceMs = undefined;
      else sinceMs ??= askedMs;
      return sinceMs !== undefined && systemClock.monotonicMs() - sinceMs >= steadyMs;
    },
    { timeoutMs: RECOVERY_MS, what: 'good answers' },
  );
  return sinceMs ?? systemClock.monotonicMs();
}

function restarted(upstream: FaultUpstream, answer: string): Promise<FaultUpstream> {
  return startFaultUpstream(answer, Number(new URL(upstream.url).port));
}

/** Gives the processes that are to be struck; one that is on its way back from the last blow is waited for. */
async function pidsOf(
  blow: Blow,
  { primary, secondary }: Servers,
  frontier: RunningFrontier,
): Promise<readonly number[]> {
  if (blow.to === 'primary') return [primary.part.pid];
  if (blow.to === 'everyone') return [primary.part.pid, secondary.part.pid];
  const pattern = COMMANDS[blow.to];
  const find = (): number[] => frontier.processes().flatMap(({ pid, command }) => (pattern.test(command) ? [pid] : []));
  return await eventually(() => (find().length > 0 ? find() : undefined), {
    timeoutMs: RECOVERY_MS,
    what: `a process of ${blow.to}`,
  });
}

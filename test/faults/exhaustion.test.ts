import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { get } from '../support/http-api.ts';
import { tempFolder } from '../support/temp-folder.ts';
import {
  ONE_STAGE,
  PRIMARY_ANSWER,
  startFaultSystem,
  type FaultSystem,
  type FaultSystemOptions,
} from './fault-system.ts';

interface ToldEvent {
  readonly action: string;
  readonly module_id: string;
  readonly reason: string;
}
interface Replica {
  readonly replica_id: string;
  readonly cpu_cores?: number;
  readonly memory_bytes?: number;
  readonly gpu?: object;
}

let system: FaultSystem | undefined;
afterEach(() => system?.frontier.stop(), 60_000);

/** A system whose primary is a workload of the loader's own. Drift is off, which would see slow answers too. */
async function start(options: FaultSystemOptions = {}): Promise<FaultSystem> {
  system = await startFaultSystem({
    kind: 'workload',
    orchestration: {
      router: { ...ONE_STAGE, selection: { exploration: { share: 0 } } },
      fallback: { health_monitoring: { min_success_rate: 0 }, healing: { drift: { enabled: false } } },
    },
    args: ['--mesh', 'proxyless'],
    ...options,
  });
  return system;
}

/** Asks once; gives who answered. */
async function ask({ frontier }: FaultSystem): Promise<'primary' | 'secondary'> {
  const reply = await fetch(`${frontier.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'What is the capital of France?' }] }),
  });
  expect(reply.status).toBe(200);
  const { choices } = (await reply.json()) as { choices: [{ message: { content: string } }] };
  return choices[0].message.content === PRIMARY_ANSWER ? 'primary' : 'secondary';
}

async function share(system: FaultSystem, count: number): Promise<number> {
  let byPrimary = 0;
  for (let index = 0; index < count; index += 1) if ((await ask(system)) === 'primary') byPrimary += 1;
  return byPrimary / count;
}

async function events({ frontier }: FaultSystem): Promise<readonly ToldEvent[]> {
  return ((await get(`${frontier.url}/fallback/events`)).body as { events: ToldEvent[] }).events;
}
async function primaryOf({ frontier }: FaultSystem): Promise<{ replicas: Replica[]; resource_limits?: object }> {
  const { body } = await get(`${frontier.url}/status`);
  const { modules } = body as { modules: { module_id: string; replicas: Replica[] }[] };
  return modules.find(({ module_id }) => module_id === 'primary')!;
}

it('a workload that starves for CPU is put behind its fallback, with the event, until it is well again', async () => {
  // So little that a machine with much else to do still lets it have that.
  const running = await start({ primary: { resource_requirements: { limits: { cpu: '100m' } } } });
  expect(await share(running, 30)).toBe(1);
  expect(await events(running)).toEqual([]);

  await running.primary.fail('cpu_exhausted');
  const told = async (action: string): Promise<ToldEvent | undefined> => {
    await ask(running);
    return (await events(running)).find((event) => event.action === action);
  };
  const event = await eventually(() => told('exhausted'), { timeoutMs: 60_000, what: 'the starvation to be told' });
  expect(event).toMatchObject({
    module_id: 'primary',
    reason: expect.stringMatching(/^its CPU is at \d+ % of its limit, and \d+ % of its last \d+ answers were/),
  });
  expect((await primaryOf(running)).resource_limits).toEqual({ cpu_cores: 0.1 });
  expect((await primaryOf(running)).replicas[0]?.cpu_cores).toBeGreaterThan(0.095);
  expect(await share(running, 40)).toBeLessThan(0.5);

  await running.primary.fail('healthy');
  await eventually(() => told('exhausted_over'), { timeoutMs: 90_000, what: 'the primary to be well again' });
  expect(await share(running, 10)).toBe(1);
}, 240_000);

it('a workload whose GPU memory is gone is left for its fallback, put behind it, and started anew', async () => {
  const smi = installSmi();
  const running = await start({ env: { PATH: `${smi}:${process.env['PATH'] ?? ''}` } });
  const gpu = {
    memory_bytes: 700 * 2 ** 20,
    device_memory_bytes: 1000 * 2 ** 20,
    used_fraction: 0.98,
    utilization: 0.42,
  };
  const isRead = async (): Promise<boolean> => (await primaryOf(running)).replicas[0]?.gpu !== undefined;
  await eventually(isRead, { timeoutMs: 30_000, what: 'the GPU to be read' });
  const [replica] = (await primaryOf(running)).replicas;
  expect(replica?.gpu).toEqual(gpu);

  await running.primary.fail('gpu_out_of_memory');
  const isRestarted = async (): Promise<boolean> => {
    expect(await ask(running)).toBe('secondary');
    return (await events(running)).some(({ action }) => action === 'restart');
  };
  await eventually(isRestarted, { timeoutMs: 60_000, what: 'the restart' });
  const seen = await events(running);
  const says = 'it says that it is out of GPU memory ("CUDA out of memory")';
  expect(seen.find(({ action }) => action === 'exhausted')?.reason).toBe(`${says}, 98 % in use`);
  expect(seen.find(({ action }) => action === 'restart')?.reason).toBe(`3 answers in a row failed since ${says}`);
  const { body } = await get(`${running.frontier.url}/fallback/stats`);
  expect(JSON.stringify(body)).toContain('"MODULE_OUT_OF_RESOURCES":');
  const isNew = async (): Promise<boolean> =>
    (await primaryOf(running)).replicas.every(({ replica_id }) => replica_id !== replica?.replica_id);
  await eventually(isNew, { timeoutMs: 60_000, what: 'the new replica' });
}, 240_000);

/** Gives a folder with a program that answers as nvidia-smi does: every process of the fixture has 700 of 1000 MiB. */
function installSmi(): string {
  const folder = tempFolder('smi');
  const file = join(folder, 'nvidia-smi');
  const script = `#!/bin/sh
case "$1" in
  --query-gpu*) echo "GPU-a, 1000, 980, 42";;
  *) for pid in $(pgrep -f fault-upstream.ts); do echo "$pid, GPU-a, 700"; done;;
esac
`;
  writeFileSync(file, script);
  chmodSync(file, 0o755);
  return folder;
}

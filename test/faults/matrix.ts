import { credentials } from '@grpc/grpc-js';
import { systemClock } from '../../core/clock.ts';
import { clientOptions } from '../../core/grpc/channel.ts';
import { RouterServiceClient } from '../../gen/frontier/router/v1/router.ts';
import { eventually } from '../support/eventually.ts';
import { ask, FORMS, type Asked, type Form, type Target } from './ask.ts';
import { PRIMARY_ANSWER, readyModules, startFaultSystem, startFaultUpstream } from './fault-system.ts';
import type { FaultSystem, FaultUpstream } from './fault-system.ts';
import type { FaultCase } from './faults.ts';
import { cellOf, type Cell } from './report.ts';

export interface MatrixOptions {
  readonly faults: readonly FaultCase[];
  readonly forms: readonly Form[];
  /** Requests of each cell. */
  readonly requests: number;
  readonly args?: readonly string[];
  readonly onCell?: (cell: Cell) => void;
}

/** Requests of a slow cell at the same time; the others go one after another. */
const SLOW_CONCURRENCY = 5;

export function isForm(name: string): name is Form {
  return (FORMS as readonly string[]).includes(name);
}

/**
 * Runs every fault in every form against one whole system. The breaker, demotion and cool-down that would keep later requests
 * from the faulty module are off, so that each request meets the fault.
 */
export async function runMatrix(options: MatrixOptions): Promise<Cell[]> {
  const system = await startFaultSystem({
    orchestration: { fallback: { health_monitoring: { min_success_rate: 0 } }, telemetry: { log_level: 'warn' } },
    primary: { circuit_breaker: { enabled: false } },
    args: options.args ?? [],
  });
  const grpc = new RouterServiceClient(system.frontier.address, credentials.createInsecure(), clientOptions());
  const target = { url: system.frontier.url, grpc };
  let { primary } = system;
  const cells: Cell[] = [];
  try {
    for (const fault of options.faults) {
      for (const form of options.forms) {
        await breakIt(fault, primary);
        const asked = await askMany(
          form,
          target,
          fault.slow === true ? Math.min(options.requests, 10) : options.requests,
          fault.slow === true,
        );
        const met = fault.upstream === undefined ? asked.length : await primary.asked();
        primary = await mend(fault, system, primary);
        const recoverMs = await recovered(target);
        const cell = cellOf({ fault: fault.name, form, asked, met, recoverMs });
        cells.push(cell);
        options.onCell?.(cell);
      }
    }
  } finally {
    grpc.close();
    await system.frontier.stop();
  }
  return cells;
}

async function breakIt({ upstream, signal }: FaultCase, primary: FaultUpstream): Promise<void> {
  if (upstream !== undefined) await primary.fail(upstream);
  if (signal !== undefined) process.kill(primary.part.pid, signal);
  if (signal === 'SIGKILL') await primary.part.exited;
}

async function mend({ signal }: FaultCase, { frontier }: FaultSystem, primary: FaultUpstream): Promise<FaultUpstream> {
  let mended = primary;
  if (signal === 'SIGSTOP') process.kill(primary.part.pid, 'SIGCONT');
  if (signal === 'SIGKILL') mended = await startFaultUpstream(PRIMARY_ANSWER, Number(new URL(primary.url).port));
  await mended.fail('healthy');
  await eventually(async () => (await readyModules(frontier.url)).length === 2, {
    timeoutMs: 60_000,
    what: 'recovery',
  });
  return mended;
}

async function askMany(form: Form, target: Target, count: number, slow: boolean): Promise<Asked[]> {
  const results: Asked[] = [];
  const lane = async (): Promise<void> => {
    while (started < count) {
      started += 1;
      results.push(await ask(form, target));
    }
  };
  let started = 0;
  await Promise.all(Array.from({ length: slow ? SLOW_CONCURRENCY : 1 }, lane));
  return results;
}

/** Time until the system answers well again, in milliseconds. */
async function recovered(target: Target): Promise<number> {
  const fromMs = systemClock.monotonicMs();
  await eventually(async () => (await ask('openai', target)).verdict === 'good', { timeoutMs: 60_000 });
  return systemClock.monotonicMs() - fromMs;
}

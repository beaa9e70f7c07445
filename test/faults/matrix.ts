import { credentials } from '@grpc/grpc-js';
import { systemClock } from '../../core/clock.ts';
import { clientOptions } from '../../core/grpc/channel.ts';
import { RouterServiceClient } from '../../gen/frontier/router/v1/router.ts';
import { ask, FORMS, type Asked, type Form, type Target } from './ask.ts';
import { ONE_STAGE, startFaultSystem } from './fault-system.ts';
import { mend, recovered, strike, type Servers, type Undo } from './blows.ts';
import type { FaultCase, SystemKind } from './faults.ts';
import { cellOf, type Cell } from './report.ts';

export interface MatrixOptions {
  readonly faults: readonly FaultCase[];
  readonly forms: readonly Form[];
  /** Requests of each cell. */
  readonly requests: number;
  /** Strategy of the router; sequential when left out. */
  readonly strategy?: string;
  readonly args?: readonly string[];
  readonly onCell?: (cell: Cell) => void;
}

/** Requests of a slow cell at the same time; the others go one after another. */
const SLOW_CONCURRENCY = 5;

export function isForm(name: string): name is Form {
  return (FORMS as readonly string[]).includes(name);
}

/** How long the system has to answer well after a part on the way was killed, before it counts as back, in milliseconds. */
const STEADY_MS = 2_000;
/** Requests that a slow cell sends at the most: each waits for a module to be given up. */
const MOST_SLOW_REQUESTS = 10;

/** Runs every fault in every form, each against a whole system of its kind. */
export async function runMatrix(options: MatrixOptions): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const kind of new Set(options.faults.map(({ system = 'openai' }) => system))) {
    const faults = options.faults.filter(({ system = 'openai' }) => system === kind);
    cells.push(...(await runSystem(kind, { ...options, faults })));
  }
  return cells;
}

/**
 * Runs faults against one system. The breaker, the demotion and the slow start that would keep later requests from the faulty
 * module are off, so that each request meets the fault; only a retry-after keeps some away.
 */
async function runSystem(kind: SystemKind, options: MatrixOptions): Promise<Cell[]> {
  const { strategy = 'sequential' } = options;
  const system = await startFaultSystem({
    kind,
    orchestration: {
      router: { ...ONE_STAGE, strategy, selection: { exploration: { share: 0 } } },
      fallback: {
        health_monitoring: { min_success_rate: 0 },
        slow_start: { window: 0 },
        healing: { drift: { enabled: false } },
      },
      telemetry: { log_level: 'warn' },
    },
    primary: { circuit_breaker: { enabled: false } },
    args: options.args ?? [],
  });
  const grpc = new RouterServiceClient(system.frontier.address, credentials.createInsecure(), clientOptions());
  const target = { url: system.frontier.url, grpc };
  let servers: Servers = system;
  const cells: Cell[] = [];
  let undo: Undo | undefined;
  try {
    for (const fault of options.faults) {
      for (const form of options.forms) {
        const struckMs = systemClock.monotonicMs();
        undo = await strike(fault, servers, system.frontier);
        // Without a router or an edge nobody can answer; what counts then is how soon they are back, and what is lost meanwhile.
        const back = isOnTheWay(fault) ? await recovered(target, STEADY_MS) : undefined;
        const asked = await askMany(form, target, fault, options.requests);
        const isCounted = fault.upstream !== undefined && kind !== 'workload';
        const met = isCounted ? await servers.primary.asked() : asked.length;
        const mendedMs = systemClock.monotonicMs();
        await undo?.();
        undo = undefined;
        servers = await mend(fault, servers, system.frontier);
        await recovered(target);
        const recoverMs =
          back === undefined
            ? systemClock.monotonicMs() - (healsItself(fault) ? struckMs : mendedMs)
            : back.sinceMs - struckMs;
        const cell = cellOf({
          fault: fault.name,
          form,
          strategy,
          asked,
          met,
          recoverMs,
          lost: back?.lost ?? 0,
          eligible: fault.blow?.to !== 'everyone',
        });
        cells.push(cell);
        options.onCell?.(cell);
      }
    }
  } finally {
    await undo?.();
    grpc.close();
    await system.frontier.stop();
  }
  return cells;
}

function isOnTheWay({ blow }: FaultCase): boolean {
  return blow?.to === 'router' || blow?.to === 'envoy';
}

/** Whether the system has to mend the fault, rather than the one who made it. */
function healsItself({ blow, system }: FaultCase): boolean {
  if (system === 'workload') return true;
  if (blow?.to === 'redis' || blow?.to === 'certificate') return false;
  return blow !== undefined && blow.to !== 'primary' && blow.to !== 'everyone' && blow.signal === 'SIGKILL';
}

async function askMany(form: Form, target: Target, { slow = false }: FaultCase, requests: number): Promise<Asked[]> {
  const count = slow ? Math.min(requests, MOST_SLOW_REQUESTS) : requests;
  const results: Asked[] = [];
  let started = 0;
  const lane = async (): Promise<void> => {
    while (started < count) {
      started += 1;
      results.push(await ask(form, target));
    }
  };
  await Promise.all(Array.from({ length: slow ? SLOW_CONCURRENCY : 1 }, lane));
  return results;
}

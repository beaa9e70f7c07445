import { credentials } from '@grpc/grpc-js';
import { systemClock } from '../../core/clock.ts';
import { clientOptions } from '../../core/grpc/channel.ts';
import { RouterServiceClient } from '../../gen/frontier/router/v1/router.ts';
import { askCells, markOf, type CellKey } from './ask-cells.ts';
import type { Asked, Form, Strategy, Target } from './ask.ts';
import { mend, recovered, strike, type Servers } from './blows.ts';
import { ONE_STAGE, startFaultSystem, type FaultSystem } from './fault-system.ts';
import type { FaultCase, SystemKind } from './faults.ts';
import { cellOf, type Cell } from './report.ts';

export interface MatrixOptions {
  readonly faults: readonly FaultCase[];
  readonly forms: readonly Form[];
  readonly strategies: readonly Strategy[];
  /** Requests of each cell. */
  readonly requests: number;
  readonly args?: readonly string[];
  /** Called with the cells that one occurrence of a fault has given, which of the occurrences it was, and of how many. */
  readonly onCells?: (cells: readonly Cell[], done: number, all: number) => void;
}

/** How long the system has to answer well after a part on the way was killed, before it counts as back, in milliseconds. */
const STEADY_MS = 2_000;
/** Places at one replica, so that no cell waits for another one. */
const PLACES = 128;

/** A fault brought about once, and the cells that are asked while it lasts. */
export interface Occurrence {
  readonly fault: FaultCase;
  readonly cells: readonly CellKey[];
}

/**
 * Gives the occurrences of each fault. What a server does lasts until it is told otherwise: one is enough for all cells. The end of a
 * process is over as soon as it has been noticed: each strategy gets one of its own, at once in all forms.
 */
export function occurrencesOf({ faults, forms, strategies }: MatrixOptions): readonly Occurrence[] {
  const cellsOf = (of: readonly Strategy[]): CellKey[] =>
    of.flatMap((strategy) => forms.map((form) => ({ form, strategy })));
  return faults.flatMap((fault) =>
    lasts(fault)
      ? [{ fault, cells: cellsOf(strategies) }]
      : strategies.map((strategy) => ({ fault, cells: cellsOf([strategy]) })),
  );
}

function lasts({ blow, system, noticed }: FaultCase): boolean {
  return blow === undefined && noticed !== true && system !== 'workload';
}

/** Runs every fault in every form and strategy, against one whole system for each kind. */
export async function runMatrix(options: MatrixOptions): Promise<Cell[]> {
  const cells: Cell[] = [];
  const all = occurrencesOf(options);
  let done = 0;
  for (const kind of new Set(all.map(({ fault }) => fault.system ?? 'openai'))) {
    const occurrences = all.filter(({ fault }) => (fault.system ?? 'openai') === kind);
    await runSystem(kind, occurrences, options, (more) => {
      cells.push(...more);
      done += 1;
      options.onCells?.(more, done, all.length);
    });
  }
  return cells;
}

const NO_RATE_LIMIT = { requests_per_second: 1e6, burst: 1e6 };

/**
 * Runs faults against one system. The breaker, the demotion and the slow start that would keep later requests from the faulty
 * module are off, so that each request meets the fault.
 */
async function runSystem(
  kind: SystemKind,
  occurrences: readonly Occurrence[],
  { requests, args = [] }: MatrixOptions,
  onCells: (cells: readonly Cell[]) => void,
): Promise<void> {
  const concurrency = { max_in_flight: PLACES };
  const system = await startFaultSystem({
    kind,
    orchestration: {
      // All requests are of one user.
      router: { ...ONE_STAGE, selection: { exploration: { share: 0 } }, rate_limit: NO_RATE_LIMIT },
      fallback: {
        health_monitoring: { min_success_rate: 0 },
        slow_start: { window: 0 },
        healing: { drift: { enabled: false }, exhaustion: { enabled: false } },
        // An hour that a server asks for would be given to it.
        retry: { max_cooldown: 1 },
      },
      telemetry: { log_level: 'warn' },
    },
    primary: { circuit_breaker: { enabled: false }, concurrency },
    secondary: { concurrency },
    args,
  });
  const grpc = new RouterServiceClient(system.frontier.address, credentials.createInsecure(), clientOptions());
  const target = { url: system.frontier.url, grpc };
  let servers: Servers = system;
  try {
    for (const occurrence of occurrences) {
      const { cells, mended } = await runOccurrence(occurrence, servers, system, target, requests);
      servers = mended;
      onCells(cells);
    }
  } finally {
    grpc.close();
    await system.frontier.stop();
  }
}

/** Brings a fault about, asks while it lasts, takes it away and waits until the system is well. */
async function runOccurrence(
  { fault, cells }: Occurrence,
  servers: Servers,
  { frontier }: FaultSystem,
  target: Target,
  requests: number,
): Promise<{ readonly cells: readonly Cell[]; readonly mended: Servers }> {
  const struckMs = systemClock.monotonicMs();
  const undo = await strike(fault, servers, frontier);
  try {
    // Without a router or an edge nobody can answer; what counts then is how soon they are back, and what is lost meanwhile.
    const back = isOnTheWay(fault) ? await recovered(target, STEADY_MS) : undefined;
    const answers = await askCells(cells, fault, target, requests);
    const marked = isMarked(fault) ? await servers.primary.marked() : undefined;
    const mendedMs = systemClock.monotonicMs();
    await undo?.();
    const mended = await mend(fault, servers, frontier);
    await recovered(target);
    const fromMs = healsItself(fault) ? struckMs : mendedMs;
    const recoverMs = (back?.sinceMs ?? systemClock.monotonicMs()) - (back === undefined ? fromMs : struckMs);
    const about = { fault: fault.name, recoverMs, lost: back?.lost ?? 0, eligible: fault.blow?.to !== 'everyone' };
    const judged = cells.map((cell, at) => {
      const asked = answers[at]!;
      const met = marked === undefined ? metBy(asked, fault) : (marked[markOf(cell)] ?? 0);
      return cellOf({ ...about, ...cell, asked, met });
    });
    return { cells: judged, mended };
  } catch (error) {
    await undo?.();
    throw error;
  }
}

function isOnTheWay({ blow }: FaultCase): boolean {
  return blow?.to === 'router' || blow?.to === 'envoy';
}

/** Whether the faulty server can tell who has asked it. */
function isMarked({ upstream, system, unmarked = false }: FaultCase): boolean {
  return upstream !== undefined && system !== 'workload' && !unmarked;
}

/** Requests that went to the primary by their answers; a part that is not before it is met by all of them. */
function metBy(asked: readonly Asked[], { blow }: FaultCase): number {
  if (blow !== undefined && !BEFORE_PRIMARY.includes(blow.to)) return asked.length;
  return asked.filter(({ tried }) => tried.includes('primary')).length;
}

const BEFORE_PRIMARY: readonly string[] = ['primary', 'sidecar', 'certificate'];

/** Whether the system has to mend the fault, rather than the one who made it. */
function healsItself({ blow, system }: FaultCase): boolean {
  if (system === 'workload') return true;
  if (blow?.to === 'redis' || blow?.to === 'certificate') return false;
  return blow !== undefined && blow.to !== 'primary' && blow.to !== 'everyone' && blow.signal === 'SIGKILL';
}

import { systemClock } from '../../core/clock.ts';
import type { Rng } from '../../core/rng.ts';
import type { RunningFrontier } from '../support/frontier.ts';
import { mend, strike, type Servers } from '../faults/blows.ts';
import { FAULTS, type FaultCase } from '../faults/faults.ts';

/** Faults during which nobody could answer: the router and Envoy take everyone along. `npm run faults` has them. */
const TAKES_EVERYONE = ['router', 'envoy', 'everyone'];

/** Faults of a system over OpenAI-compatible servers that leave somebody who can answer. */
export const SOAK_FAULTS: readonly FaultCase[] = FAULTS.filter(
  ({ name, blow, system = 'openai' }) =>
    name !== 'healthy' && system === 'openai' && !TAKES_EVERYONE.includes(blow?.to ?? ''),
);

export interface RandomFaults {
  /** What is wrong now. */
  readonly now: string;
  /** How many times each fault was brought about. */
  readonly struck: ReadonlyMap<string, number>;
  /** Rejects as soon as the system has not recovered from a fault; resolves after `end`. */
  readonly done: Promise<void>;
  /** Takes the last fault away; rejects as `done` does. */
  end(): Promise<void>;
}

/** Bounds of a fault's length and of the quiet after it, in milliseconds. */
const HOLD_MS = [4_000, 15_000] as const;
const QUIET_MS = [1_000, 8_000] as const;

/** Brings one fault after another about, each drawn from those that were drawn least, and takes it away again. */
export function startRandomFaults(servers: Servers, frontier: RunningFrontier, rng: Rng): RandomFaults {
  const controller = new AbortController();
  const struck = new Map<string, number>();
  let now = 'healthy';
  const isOver = (): boolean => controller.signal.aborted;
  const between = ([least, most]: readonly [number, number]): number => least + rng.next() * (most - least);
  const pause = (ms: number): Promise<void> => systemClock.sleep(ms, controller.signal).catch(() => undefined);
  const draw = (): FaultCase => {
    const least = Math.min(...SOAK_FAULTS.map(({ name }) => struck.get(name) ?? 0));
    const rare = SOAK_FAULTS.filter(({ name }) => (struck.get(name) ?? 0) === least);
    return rare[Math.floor(rng.next() * rare.length)]!;
  };
  const run = async (): Promise<void> => {
    let current = servers;
    for (;;) {
      await pause(between(QUIET_MS));
      if (isOver()) return;
      const fault = draw();
      struck.set(fault.name, (struck.get(fault.name) ?? 0) + 1);
      now = fault.name;
      const undo = await strike(fault, current, frontier);
      await pause(between(HOLD_MS));
      now = `after ${fault.name}`;
      await undo?.();
      current = await mend(fault, current, frontier);
      now = 'healthy';
    }
  };
  const done = run();
  // Whoever ends it is told; until then it is no unhandled rejection.
  done.catch(() => undefined);
  return {
    get now() {
      return now;
    },
    struck,
    done,
    async end() {
      controller.abort();
      await done;
    },
  };
}

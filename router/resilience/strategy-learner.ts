import type { Rng } from '../../core/rng.ts';

/** Ways through a plan among which the adaptive strategy chooses. */
export const ARMS = ['sequential', 'hedged', 'parallel'] as const;
export type Arm = (typeof ARMS)[number];

/** What a way has come to for one class. */
export interface ArmStatistics {
  readonly count: number;
  /** Rolling share of accepted answers, from 0 to 1. */
  readonly acceptedRate: number;
  /** Rolling mean of the time to the answer, in milliseconds. */
  readonly delayMs: number;
  /** Rolling mean of the cost of all attempts. */
  readonly cost: number;
}

/** How one request has ended. */
export interface ArmOutcome {
  readonly accepted: boolean;
  readonly delayMs: number;
  readonly cost: number;
}

/** Learns per class which way gives accepted answers at least delay and cost. */
export interface StrategyLearner {
  choose(queryClass: string): Arm;
  observe(queryClass: string, arm: Arm, outcome: ArmOutcome): void;
  /** Gives all that is known. */
  known(): LearnedStrategies;
  /** Puts this in the place of what is known. */
  adopt(learned: LearnedStrategies): void;
  /** Has `onLearned` told how the statistics change: `update` gives the next ones from any that were before. */
  watch(onLearned: ArmObserver): void;
}

export type ArmObserver = (
  queryClass: string,
  arm: Arm,
  update: (before: ArmStatistics | undefined) => ArmStatistics,
) => void;

/** What is known of ways, by class and way. */
export type LearnedStrategies = Readonly<Record<string, Readonly<Record<string, ArmStatistics>>>>;

/** Requests under which a class is not known: sequential then. */
const KNOWN_AFTER = 20;
/** Requests under which a way is not known. */
const TRIED_AFTER = 5;
/** Share of the requests that try the way that is known least. */
const EXPLORATION = 0.05;
const WINDOW = 50;
const LEAST_ACCEPTED = 0.01;

/** Gives what an accepted answer takes this way, in seconds, a unit of cost counting as a second. */
export function armPrice({ acceptedRate, delayMs, cost }: ArmStatistics): number {
  return (delayMs / 1000 + cost) / Math.max(acceptedRate, LEAST_ACCEPTED);
}

/** Chooses a way: a function of what is known and of chance, in [0, 1). */
export function chooseArm(known: ReadonlyMap<Arm, ArmStatistics>, random: number): Arm {
  if ((known.get('sequential')?.count ?? 0) < KNOWN_AFTER) return 'sequential';
  if (random < EXPLORATION) return leastTried(known);
  const tried = ARMS.filter((arm) => (known.get(arm)?.count ?? 0) >= TRIED_AFTER);
  return tried.reduce<Arm>((best, arm) => (priceIn(known, arm) < priceIn(known, best) ? arm : best), 'sequential');
}

function leastTried(known: ReadonlyMap<Arm, ArmStatistics>): Arm {
  return [...ARMS].sort((a, b) => (known.get(a)?.count ?? 0) - (known.get(b)?.count ?? 0))[0] ?? 'sequential';
}

function priceIn(known: ReadonlyMap<Arm, ArmStatistics>, arm: Arm): number {
  const statistics = known.get(arm);
  return statistics === undefined ? Infinity : armPrice(statistics);
}

/** Gives the statistics after one more request. */
export function afterOutcome(before: ArmStatistics | undefined, outcome: ArmOutcome): ArmStatistics {
  const { count, acceptedRate, delayMs, cost } = before ?? { count: 0, acceptedRate: 1, delayMs: 0, cost: 0 };
  const weight = 1 / Math.min(count + 1, WINDOW);
  const moved = (mean: number, value: number): number => mean + (value - mean) * weight;
  return {
    count: count + 1,
    acceptedRate: moved(acceptedRate, outcome.accepted ? 1 : 0),
    delayMs: moved(delayMs, outcome.delayMs),
    cost: moved(cost, outcome.cost),
  };
}

/** Creates a learner that knows nothing. */
export function createStrategyLearner(rng: Rng): StrategyLearner {
  const classes = new Map<string, Map<Arm, ArmStatistics>>();
  let onLearned: ArmObserver = () => undefined;
  const of = (queryClass: string): Map<Arm, ArmStatistics> => {
    const known = classes.get(queryClass) ?? new Map<Arm, ArmStatistics>();
    classes.set(queryClass, known);
    return known;
  };
  return {
    choose: (queryClass) => chooseArm(of(queryClass), rng.next()),
    observe(queryClass, arm, outcome) {
      const known = of(queryClass);
      const update = (before: ArmStatistics | undefined): ArmStatistics => afterOutcome(before, outcome);
      known.set(arm, update(known.get(arm)));
      onLearned(queryClass, arm, update);
    },
    known: () => Object.fromEntries([...classes].map(([name, known]) => [name, Object.fromEntries(known)])),
    adopt(learned) {
      for (const [name, arms] of Object.entries(learned)) {
        const known = of(name);
        for (const arm of ARMS) {
          const statistics = arms[arm];
          if (statistics !== undefined) known.set(arm, statistics);
        }
      }
    },
    watch(observer) {
      onLearned = observer;
    },
  };
}

import { NO_OUTCOMES, sumOf } from '../rollout/ramp.ts';
import type { Outcomes } from '../rollout/ramp.ts';

type ByCluster = Readonly<Record<string, Outcomes>>;

/** Counts how calls have ended, for the other control planes, and takes their counts. */
export interface OutcomeLedger {
  /** Counts what one of this control plane's Envoys has reported. */
  add(cluster: string, outcomes: Outcomes): void;
  /** Sums since the start, of the clusters that are wanted. */
  totals(wanted: readonly string[]): ByCluster;
  /** Gives what others have counted since they were last heard, by cluster; of one that is new, nothing. */
  news(records: ReadonlyMap<string, { readonly outcomes: ByCluster }>): ReadonlyMap<string, Outcomes>;
}

/** Gives an empty ledger. */
export function createOutcomeLedger(): OutcomeLedger {
  const own = new Map<string, Outcomes>();
  let heard: ReadonlyMap<string, ByCluster> = new Map();
  return {
    add: (cluster, outcomes) => {
      own.set(cluster, sumOf(own.get(cluster) ?? NO_OUTCOMES, outcomes));
    },
    totals: (wanted) => {
      for (const cluster of own.keys()) if (!wanted.includes(cluster)) own.delete(cluster);
      return Object.fromEntries([...own].sort(([a], [b]) => (a < b ? -1 : 1)));
    },
    news: (records) => {
      const news = new Map<string, Outcomes>();
      for (const [id, { outcomes }] of records) {
        const before = heard.get(id);
        if (before === undefined) continue;
        for (const [cluster, sums] of Object.entries(outcomes)) {
          news.set(cluster, sumOf(news.get(cluster) ?? NO_OUTCOMES, since(before[cluster], sums)));
        }
      }
      heard = new Map([...records].map(([id, { outcomes }]) => [id, outcomes]));
      return news;
    },
  };
}

/** A cluster that was no longer wanted in between is counted from the beginning. */
function since(before: Outcomes = NO_OUTCOMES, now: Outcomes): Outcomes {
  if (now.calls < before.calls) return now;
  return {
    calls: now.calls - before.calls,
    errors: Math.max(0, now.errors - before.errors),
    judged: Math.max(0, now.judged - before.judged),
    confidence: Math.max(0, now.confidence - before.confidence),
  };
}

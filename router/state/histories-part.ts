import type { Clock } from '../../core/clock.ts';
import type { QueryClass } from '../../core/config/schema.ts';
import type { ClassHistory } from '../decide/module-status.ts';
import type { LearnedHistory } from '../resilience/module-board.ts';
import { ownHistoriesSchema, poolHistories, type OwnHistories, type OwnHistory } from './learned-history.ts';
import type { SharedPart } from './shared-part.ts';
import type { Json } from '../../core/store/store.ts';

/** A week: what a router has learned outlives it. */
const TTL_MS = 7 * 86_400_000;

export interface HistoriesPartOptions {
  readonly routerId: string;
  readonly clock: Clock;
  /** Has the router plan by these histories. */
  readonly adopt: (learned: LearnedHistory) => void;
}

export interface HistoriesPart extends SharedPart {
  /** To be called with whatever changes a history here. */
  readonly learned: (
    moduleId: string,
    queryClass: QueryClass,
    update: (before: ClassHistory | undefined) => ClassHistory,
  ) => void;
}

/** Has each router plan by what all of them have seen. */
export function createHistoriesPart({ routerId, clock, adopt }: HistoriesPartOptions): HistoriesPart {
  const own = new Map<string, Map<QueryClass, OwnHistory>>();
  const others = new Map<string, OwnHistories>();
  let version = 0;
  let heardNew = false;
  /** Version that was pooled last. */
  let pooled = 0;

  /** A store that was away at the start may come back when something has been learned anew already. */
  const keepFuller = (moduleId: string, queryClass: QueryClass, stored: OwnHistory): void => {
    const classes = own.get(moduleId) ?? new Map<QueryClass, OwnHistory>();
    own.set(moduleId, classes);
    if (stored.count > (classes.get(queryClass)?.count ?? -1)) classes.set(queryClass, stored);
  };
  const exported = (): OwnHistories =>
    Object.fromEntries([...own].map(([moduleId, classes]) => [moduleId, Object.fromEntries(classes)]));

  return {
    name: 'histories',
    ttlMs: TTL_MS,
    get version() {
      return version;
    },
    tell: () => exported() as unknown as Json,
    restore(told) {
      const parsed = ownHistoriesSchema.safeParse(told);
      if (!parsed.success) return;
      for (const [moduleId, classes] of Object.entries(parsed.data))
        for (const [name, stored] of Object.entries(classes)) keepFuller(moduleId, name, stored);
      heardNew = true;
    },
    hear(id, told) {
      const parsed = ownHistoriesSchema.safeParse(told);
      if (!parsed.success) return;
      others.set(id, parsed.data);
      heardNew = true;
    },
    settle() {
      // Alone, the router's own means are all there is, and they are in place already.
      if (!heardNew && (others.size === 0 || pooled === version)) return;
      heardNew = false;
      pooled = version;
      adopt(poolHistories(new Map([...others, [routerId, exported()]])));
    },
    learned(moduleId, queryClass, update) {
      const classes = own.get(moduleId) ?? new Map<QueryClass, OwnHistory>();
      own.set(moduleId, classes);
      classes.set(queryClass, { ...update(classes.get(queryClass)), atMs: clock.nowMs() });
      version += 1;
    },
  };
}

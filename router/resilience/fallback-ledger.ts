import type { Clock } from '../../core/clock.ts';
import type { FrontierError } from '../../core/errors.ts';
import type { AttemptRecord } from '../domain/answer.ts';
import { ExhaustedError } from '../domain/exhausted-error.ts';
import type { Breaker } from './breaker.ts';
import { withAttempts, withRequest, type AttemptCounts, type MoreAttempts, type PathCounts } from './ledger-counts.ts';

/** One change of a module's breaker. */
export interface BreakerChange {
  readonly from: Breaker['phase'];
  readonly to: Breaker['phase'];
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** Result of a request, as far as fallback goes. */
export interface LedgerResult {
  readonly queryClass: string;
  readonly attempts: readonly AttemptRecord[];
  readonly accepted: boolean;
  /** Module that gave the answer in the place of the first one; undefined when that did. */
  readonly standIn: string | undefined;
}

/** A way that requests went. */
export interface FallbackPath extends PathCounts {
  readonly queryClass: string;
  /** In order; empty for all ways that are not told apart. */
  readonly moduleIds: readonly string[];
}

/** Whose figures the books hold. */
export interface LedgerScope {
  /** Routers whose figures are in them. */
  readonly routers: number;
  /** When the first of them was counted, in milliseconds since the epoch. */
  readonly sinceMs: number;
}

/** Counts by two names: module and class; class and way. */
export type LedgerBook<Counts> = Readonly<Record<string, Readonly<Record<string, Counts>>>>;

/** Told how counts change: `update` gives the next ones from any that were before. */
export type LedgerObserver<Counts> = (
  outer: string,
  inner: string,
  update: (before: Counts | undefined) => Counts,
) => void;

/** The books of fallback: attempts, paths and breakers. Everything in it is bounded. */
export interface FallbackLedger {
  noteResult(result: LedgerResult): void;
  /** Notes answers that were accepted at the first attempt, many at a time. */
  noteAccepted(moduleId: string, queryClass: string, count: number): void;
  /** Notes a request that got no answer; what its modules did stands in the error. */
  noteFailure(queryClass: string, error: FrontierError): void;
  noteBreaker(moduleId: string, change: BreakerChange): void;
  /** Counts by class. */
  attemptsOf(moduleId: string): ReadonlyMap<string, AttemptCounts>;
  /** Counts by module and class. */
  attempts(): ReadonlyMap<string, ReadonlyMap<string, AttemptCounts>>;
  breakerHistoryOf(moduleId: string): readonly BreakerChange[];
  paths(): readonly FallbackPath[];
  readonly scope: LedgerScope;
  /** Puts what all routers have counted in the place of what is in the books. */
  adoptAttempts(book: LedgerBook<AttemptCounts>, routers: number): void;
  adoptPaths(book: LedgerBook<PathCounts>): void;
  watch(onAttempts: LedgerObserver<AttemptCounts>, onPath: LedgerObserver<PathCounts>): void;
}

/** Modules are few, but orders of them are many: ways beyond this many are not told apart. */
const MOST_PATHS = 100;
const MOST_CHANGES = 20;

/** Opens empty books. */
export function createFallbackLedger(clock: Clock): FallbackLedger {
  const openedMs = clock.nowMs();
  const attempts = createBook<AttemptCounts>();
  const paths = createBook<PathCounts>();
  const breakers = new Map<string, BreakerChange[]>();
  let routers = 1;

  const noteAttempts = (moduleId: string, queryClass: string, more: MoreAttempts): void => {
    const nowMs = clock.nowMs();
    attempts.change(moduleId, queryClass, (before) => withAttempts(before, more, nowMs));
  };
  const noteEach = (queryClass: string, records: readonly AttemptRecord[]): void => {
    for (const { moduleId, reason } of records)
      noteAttempts(moduleId, queryClass, reason === undefined ? { accepted: 1 } : { failure: reason });
  };
  const noteWay = (
    queryClass: string,
    records: readonly AttemptRecord[],
    end: 'accepted' | 'rejected' | 'none',
  ): void => {
    if (records.length < 2) return;
    const key = records.map(({ moduleId }) => moduleId).join(' ');
    const isKnown = paths.has(queryClass, key) || paths.size < MOST_PATHS;
    const addedMs =
      end === 'none' ? undefined : records.slice(0, -1).reduce((sum, { latencyMs }) => sum + latencyMs, 0);
    const nowMs = clock.nowMs();
    paths.change(queryClass, isKnown ? key : '', (before) =>
      withRequest(before, { accepted: end === 'accepted', addedMs }, nowMs),
    );
  };
  return {
    noteResult({ queryClass, attempts: records, accepted, standIn }) {
      noteEach(queryClass, records);
      if (standIn !== undefined) noteAttempts(standIn, queryClass, { standIns: 1 });
      noteWay(queryClass, records, accepted ? 'accepted' : 'rejected');
    },
    noteAccepted(moduleId, queryClass, count) {
      noteAttempts(moduleId, queryClass, { accepted: count });
    },
    noteFailure(queryClass, error) {
      const { reason, metadata } = error;
      const records = error instanceof ExhaustedError ? error.attempts : [];
      noteEach(queryClass, records);
      const moduleId = metadata['module_id'];
      if (records.length === 0 && moduleId !== undefined) noteAttempts(moduleId, queryClass, { failure: reason });
      noteWay(queryClass, records, 'none');
    },
    noteBreaker(moduleId, change) {
      const changes = breakers.get(moduleId) ?? [];
      breakers.set(moduleId, [...changes, change].slice(-MOST_CHANGES));
    },
    attemptsOf: (moduleId) => attempts.all().get(moduleId) ?? new Map<string, AttemptCounts>(),
    attempts: () => attempts.all(),
    breakerHistoryOf: (moduleId) => breakers.get(moduleId) ?? [],
    paths: () =>
      [...paths.all()].flatMap(([queryClass, ways]) =>
        [...ways].map(([key, counts]) => ({ ...counts, queryClass, moduleIds: key === '' ? [] : key.split(' ') })),
      ),
    get scope() {
      const counted = [...attempts.all().values(), ...paths.all().values()].flatMap((group) => [...group.values()]);
      return { routers, sinceMs: Math.min(openedMs, ...counted.map(({ sinceMs }) => sinceMs)) };
    },
    adoptAttempts(book, of) {
      attempts.adopt(book);
      routers = Math.max(1, of);
    },
    adoptPaths(book) {
      paths.adopt(book);
    },
    watch(onAttempts, onPath) {
      attempts.watch(onAttempts);
      paths.watch(onPath);
    },
  };
}

interface Book<Counts> {
  readonly size: number;
  has(outer: string, inner: string): boolean;
  all(): ReadonlyMap<string, ReadonlyMap<string, Counts>>;
  change(outer: string, inner: string, update: (before: Counts | undefined) => Counts): void;
  adopt(book: LedgerBook<Counts>): void;
  watch(observer: LedgerObserver<Counts>): void;
}

function createBook<Counts>(): Book<Counts> {
  let groups = new Map<string, Map<string, Counts>>();
  let size = 0;
  let observer: LedgerObserver<Counts> = () => undefined;
  return {
    get size() {
      return size;
    },
    has: (outer, inner) => groups.get(outer)?.has(inner) ?? false,
    all: () => groups,
    change(outer, inner, update) {
      const group = groups.get(outer) ?? new Map<string, Counts>();
      groups.set(outer, group);
      if (!group.has(inner)) size += 1;
      group.set(inner, update(group.get(inner)));
      observer(outer, inner, update);
    },
    adopt(book) {
      groups = new Map(Object.entries(book).map(([outer, group]) => [outer, new Map(Object.entries(group))]));
      size = [...groups.values()].reduce((sum, group) => sum + group.size, 0);
    },
    watch(next) {
      observer = next;
    },
  };
}

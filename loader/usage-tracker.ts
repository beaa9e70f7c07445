/** One report of a module's usage; see ModuleUsage in the contract. */
export interface UsageReport {
  readonly requests: number;
  readonly inFlight: number;
}

/** What a module's usage comes to. */
export interface UsageSummary {
  /** Queries in flight as the reporters tell. */
  readonly inFlight: number;
  readonly requestsPerMinute: number;
  readonly lastUseMs: number | undefined;
}

/** Time after which a reporter that says no more no longer counts, in milliseconds: it has died with its queries. */
const REPORTER_LIFE_MS = 30_000;
const WINDOW_MS = 60_000;
const BUCKET_MS = 1000;
/** Reporters remembered for one module; the name comes from the caller, so it must not grow without end. */
const MAX_REPORTERS = 100;

/** Collects one module's usage: in flight by reporter, queries by second over the last minute. */
export class UsageTracker {
  readonly #reporters = new Map<string, { inFlight: number; atMs: number }>();
  readonly #buckets = new Map<number, number>();
  #lastUseMs: number | undefined;

  /** Takes a reporter's report. */
  report(reporter: string, { requests, inFlight }: UsageReport, nowMs: number): void {
    this.#reporters.delete(reporter); // goes to the end: the map is ordered by age
    this.#reporters.set(reporter, { inFlight, atMs: nowMs });
    const oldest = this.#reporters.keys().next();
    if (this.#reporters.size > MAX_REPORTERS && oldest.done !== true) this.#reporters.delete(oldest.value);
    if (requests > 0) {
      const bucket = Math.floor(nowMs / BUCKET_MS);
      this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + requests);
    }
    if (requests > 0 || inFlight > 0) this.touch(nowMs);
  }

  /** Notes a use that no report tells of, e.g. an activation. */
  touch(nowMs: number): void {
    this.#lastUseMs = Math.max(this.#lastUseMs ?? 0, nowMs);
  }

  /** Forgets everything, as after an unload by hand. */
  reset(): void {
    this.#reporters.clear();
    this.#buckets.clear();
    this.#lastUseMs = undefined;
  }

  summary(nowMs: number): UsageSummary {
    this.#forgetOld(nowMs);
    const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, number) => total + number, 0);
    return {
      inFlight: sum([...this.#reporters.values()].map(({ inFlight }) => inFlight)),
      requestsPerMinute: sum(this.#buckets.values()),
      lastUseMs: this.#lastUseMs,
    };
  }

  #forgetOld(nowMs: number): void {
    for (const [name, { atMs }] of this.#reporters) if (nowMs - atMs > REPORTER_LIFE_MS) this.#reporters.delete(name);
    for (const second of this.#buckets.keys()) if (nowMs - second * BUCKET_MS > WINDOW_MS) this.#buckets.delete(second);
  }
}

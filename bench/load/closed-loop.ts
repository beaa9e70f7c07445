import { percentile } from './percentile.ts';

export interface LoadOptions {
  /** Calls in flight at all times. */
  readonly concurrency: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  readonly call: () => Promise<void>;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly calls: number;
}

/** Keeps `concurrency` calls in flight and gives what was finished in the measured time. Throws the first failure. */
export async function runClosedLoop({ concurrency, warmupMs, measureMs, call }: LoadOptions): Promise<LoadResult> {
  const fromMs = performance.now() + warmupMs;
  const untilMs = fromMs + measureMs;
  const latenciesMs: number[] = [];
  const worker = async (): Promise<void> => {
    for (let startMs = performance.now(); startMs < untilMs; startMs = performance.now()) {
      await call();
      const endMs = performance.now();
      if (startMs >= fromMs && endMs <= untilMs) latenciesMs.push(endMs - startMs);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return {
    perSecond: latenciesMs.length / (measureMs / 1000),
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    calls: latenciesMs.length,
  };
}

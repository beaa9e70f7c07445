import { Counter, Gauge } from 'prom-client';
import type { Registry } from '../../core/telemetry/metrics.ts';

/** What the metrics read at each scrape. */
export interface StateReading {
  readonly isUp: boolean;
  readonly peers: number;
}

/** Registers how sharing with other routers goes; gives the count of rounds that failed. */
export function createStateMetrics(registry: Registry, read: () => StateReading | undefined): Counter {
  const registers = [registry];
  new Gauge({
    name: 'frontier_router_store_up',
    help: '1 while the store of shared state is reached, else 0.',
    registers,
    collect() {
      this.set(read()?.isUp === true ? 1 : 0);
    },
  });
  new Gauge({
    name: 'frontier_router_peers',
    help: 'Other routers that share this store.',
    registers,
    collect() {
      this.set(read()?.peers ?? 0);
    },
  });
  return new Counter({
    name: 'frontier_router_store_failures_total',
    help: 'Rounds of sharing state that did not reach the store.',
    registers,
  });
}

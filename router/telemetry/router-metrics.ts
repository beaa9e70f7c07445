import { Counter, Gauge, Histogram } from 'prom-client';
import { LATENCY_BUCKETS_SECONDS, type Registry } from '../../core/telemetry/metrics.ts';
import { MODULE_STATES } from '../../core/modules/module-view.ts';
import type { AnswerCache } from '../cache/answer-cache.ts';
import { DECIDED_BY, type DecidedBy } from '../classification/cascade.ts';
import type { ModuleBoard } from '../resilience/module-board.ts';
import { createBatchHistogram } from './batch-histogram.ts';

const BREAKER_VALUES = { CLOSED: 0, HALF_OPEN: 1, OPEN: 2 } as const;
const STAGE_BUCKETS_SECONDS = [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60];
const SCORE_BUCKETS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** Every metric of the router. Labels are bounded: methods, classes, configured modules, states and reasons. */
export type RouterMetrics = ReturnType<typeof createRouterMetrics>;

/** Registers the router's metrics. Gauges of modules are read from the board at each scrape. */
export function createRouterMetrics(registry: Registry, board: ModuleBoard, inFlight: () => number) {
  const registers = [registry];
  registerGauges(registry, board, inFlight);
  return {
    requests: new Counter({
      name: 'frontier_router_requests_total',
      help: 'Requests by method, class, module that answered and outcome.',
      labelNames: ['method', 'query_class', 'module', 'outcome'],
      registers,
    }),
    latency: createBatchHistogram({
      name: 'frontier_router_request_seconds',
      help: 'Time from arrival to answer.',
      labelNames: ['method', 'query_class'],
      buckets: LATENCY_BUCKETS_SECONDS,
      registry,
    }),
    stages: createBatchHistogram({
      name: 'frontier_router_stage_seconds',
      help: 'Time of each stage of the pipeline.',
      labelNames: ['stage'],
      buckets: STAGE_BUCKETS_SECONDS,
      registry,
    }),
    confidence: createBatchHistogram({
      name: 'frontier_router_confidence',
      help: 'Scores of the answers given.',
      labelNames: ['module', 'query_class'],
      buckets: SCORE_BUCKETS,
      registry,
    }),
    errors: new Counter({
      name: 'frontier_router_errors_total',
      help: 'Requests that failed, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    attempts: new Counter({
      name: 'frontier_router_attempts_total',
      help: 'Calls of modules, by outcome: "accepted" or the reason of the failure.',
      labelNames: ['module', 'outcome'],
      registers,
    }),
    fallbacks: new Counter({
      name: 'frontier_router_fallbacks_total',
      help: 'Answers that another module than the first planned one gave.',
      labelNames: ['query_class', 'module'],
      registers,
    }),
    coldStart: new Histogram({
      name: 'frontier_router_cold_start_seconds',
      help: 'Time that requests waited for a module to start.',
      labelNames: ['module'],
      buckets: LATENCY_BUCKETS_SECONDS,
      registers,
    }),
    cacheLookups: new Counter({
      name: 'frontier_router_cache_lookups_total',
      help: 'Lookups in the cache of answers, by where an answer was found, or "miss".',
      labelNames: ['outcome'],
      registers,
    }),
    decidedBy: createDecidedByCounter(registry),
    healing: new Counter({
      name: 'frontier_router_healing_actions_total',
      help: 'What was done by itself about modules that failed or got worse, by action.',
      labelNames: ['module', 'action'],
      registers,
    }),
    shed: new Counter({
      name: 'frontier_router_shed_total',
      help: 'Requests that got no place, by priority and why.',
      labelNames: ['priority', 'reason'],
      registers,
    }),
    limitChanges: new Counter({
      name: 'frontier_router_module_limit_changes_total',
      help: 'Changes of the learned limit of modules, by reason.',
      labelNames: ['module', 'reason'],
      registers,
    }),
    breakerChanges: new Counter({
      name: 'frontier_router_breaker_changes_total',
      help: 'Changes of breakers, by the state entered.',
      labelNames: ['module', 'state'],
      registers,
    }),
  };
}

/** Counts which stage of the classifier decided and why; plain counts on the hot path, read at each scrape. */
function createDecidedByCounter(registry: Registry): { note(by: DecidedBy): void } {
  const counts = new Map<DecidedBy, number>(DECIDED_BY.map((by) => [by, 0]));
  new Counter({
    name: 'frontier_router_classified_total',
    help: 'Classified queries, by the stage that decided and why it did.',
    labelNames: ['stage', 'why'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [by, count] of counts) {
        const [stage = '', why = ''] = by.split(': ');
        this.inc({ stage, why }, count);
      }
    },
  });
  return {
    note(by) {
      counts.set(by, (counts.get(by) ?? 0) + 1);
    },
  };
}

/** Registers the size of the cache of answers, read at each scrape. */
export function registerCacheGauges(registry: Registry, answers: AnswerCache): void {
  gaugeOf(registry, 'frontier_router_cache_bytes', 'Memory of the answers that are kept.', () => answers.bytes);
  gaugeOf(registry, 'frontier_router_cache_entries', 'Answers that are kept.', () => answers.entries);
}

/** Registers how the router stands with its places, read at each scrape. */
export function registerPlaceGauges(
  registry: Registry,
  { limit, waiting, brownOutLevel }: Readonly<Record<'limit' | 'waiting' | 'brownOutLevel', () => number>>,
): void {
  gaugeOf(registry, 'frontier_router_limit', 'Requests that may be handled at the same time now.', limit);
  gaugeOf(registry, 'frontier_router_waiting', 'Requests that wait for a place.', waiting);
  const levels = 'Priorities that a brown-out affects, counted from the least.';
  gaugeOf(registry, 'frontier_router_brown_out_level', levels, brownOutLevel);
}

function gaugeOf(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

function registerGauges(registry: Registry, board: ModuleBoard, inFlight: () => number): void {
  const registers = [registry];
  new Gauge({
    name: 'frontier_router_in_flight',
    help: 'Requests being handled.',
    registers,
    collect() {
      this.set(inFlight());
    },
  });
  new Gauge({
    name: 'frontier_router_module_state',
    help: '1 for the state that a module is in, else 0.',
    labelNames: ['module', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { spec, state } of board.records()) {
        for (const name of MODULE_STATES) this.set({ module: spec.module_id, state: name }, name === state ? 1 : 0);
      }
    },
  });
  new Gauge({
    name: 'frontier_router_module_limit',
    help: 'Queries in flight that a module is known to bear.',
    labelNames: ['module'],
    registers,
    collect() {
      this.reset();
      for (const { spec, inFlightLimit } of board.records())
        if (inFlightLimit !== undefined) this.set({ module: spec.module_id }, inFlightLimit);
    },
  });
  new Gauge({
    name: 'frontier_router_breaker_state',
    help: "A module's breaker: 0 closed, 1 half open, 2 open.",
    labelNames: ['module'],
    registers,
    collect() {
      this.reset();
      for (const { spec, breaker } of board.records())
        this.set({ module: spec.module_id }, BREAKER_VALUES[breaker.phase]);
    },
  });
}

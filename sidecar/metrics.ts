import { Counter, Gauge } from 'prom-client';
import type { Reason } from '../core/errors.ts';
import { LATENCY_BUCKETS_SECONDS } from '../core/telemetry/metrics.ts';
import type { Registry } from '../core/telemetry/metrics.ts';
import type { AnswerPayload } from '../gen/frontier/common/v1/message.ts';
import { TallyHistogram } from './tally-histogram.ts';

const CONFIDENCE_BUCKETS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** What a sidecar counts. */
export interface SidecarMetrics {
  /** Records a judged answer; `seconds` is the workload's time. */
  answered(answer: AnswerPayload, seconds: number): void;
  failed(reason: Reason): void;
}

export interface Occupancy {
  readonly inFlight: number;
  readonly queued: number;
}

/** Registers a sidecar's metrics; `occupancy` is read when they are scraped. */
export function createSidecarMetrics(registry: Registry, occupancy: () => Occupancy): SidecarMetrics {
  // Counted in numbers and told when scraped: an increment of a labelled counter costs as much as judging half an answer.
  const outcomes = { accepted: 0, rejected: 0, failed: 0 };
  const tokens = { prompt: 0, completion: 0 };
  counter(registry, 'frontier_sidecar_requests_total', 'Queries by outcome.', 'outcome', outcomes);
  counter(registry, 'frontier_sidecar_tokens_total', 'Tokens taken, by kind.', 'kind', tokens);
  const failures = new Counter({
    name: 'frontier_sidecar_failures_total',
    help: 'Queries without an answer, by reason.',
    labelNames: ['reason'],
    registers: [registry],
  });
  const latency = new TallyHistogram({
    name: 'frontier_sidecar_workload_latency_seconds',
    help: "The workload's time for an answer.",
    buckets: LATENCY_BUCKETS_SECONDS,
  });
  const confidence = new TallyHistogram({
    name: 'frontier_sidecar_confidence',
    help: 'Calibrated confidence of answers, from 0 to 1.',
    buckets: CONFIDENCE_BUCKETS,
  });
  registry.registerMetric(latency);
  registry.registerMetric(confidence);
  gauge(registry, 'frontier_sidecar_in_flight', 'Queries in flight.', () => occupancy().inFlight);
  gauge(registry, 'frontier_sidecar_queued', 'Queries waiting for a place.', () => occupancy().queued);

  return {
    answered: ({ confidence: report, usage }, seconds) => {
      outcomes[report?.accepted === true ? 'accepted' : 'rejected']++;
      latency.tally(seconds);
      if (report !== undefined) confidence.tally(report.score);
      if (usage === undefined) return;
      tokens.prompt += usage.promptTokens;
      tokens.completion += usage.completionTokens;
    },
    failed: (reason) => {
      outcomes.failed++;
      failures.inc({ reason });
    },
  };
}

function counter(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  counts: Readonly<Record<string, number>>,
): void {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, count] of Object.entries(counts)) this.inc({ [label]: value }, count);
    },
  });
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

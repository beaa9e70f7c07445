import { describe, expect, test } from '@jest/globals';
import { createMetricsRegistry } from '../core/telemetry/metrics.ts';
import { AnswerPayload } from '../gen/frontier/common/v1/message.ts';
import { createSidecarMetrics } from './metrics.ts';

const answer = (score: number, accepted: boolean): AnswerPayload =>
  AnswerPayload.fromPartial({
    content: 'x',
    confidence: { score, accepted },
    usage: { promptTokens: 3, completionTokens: 5 },
  });

describe('sidecar metrics', () => {
  test('tell what was counted, the same at each scrape', async () => {
    const registry = createMetricsRegistry();
    const metrics = createSidecarMetrics(registry, () => ({ inFlight: 2, queued: 1 }));
    metrics.answered(answer(0.55, true), 0.02);
    metrics.answered(answer(0.1, false), 100);
    metrics.failed('MODULE_TIMEOUT');
    await registry.metrics();
    const lines = (await registry.metrics()).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'frontier_sidecar_requests_total{outcome="accepted"} 1',
        'frontier_sidecar_requests_total{outcome="rejected"} 1',
        'frontier_sidecar_requests_total{outcome="failed"} 1',
        'frontier_sidecar_failures_total{reason="MODULE_TIMEOUT"} 1',
        'frontier_sidecar_tokens_total{kind="completion"} 10',
        '# TYPE frontier_sidecar_workload_latency_seconds histogram',
        'frontier_sidecar_workload_latency_seconds_bucket{le="0.01"} 0',
        'frontier_sidecar_workload_latency_seconds_bucket{le="0.025"} 1',
        'frontier_sidecar_workload_latency_seconds_bucket{le="60"} 1',
        'frontier_sidecar_workload_latency_seconds_bucket{le="+Inf"} 2',
        'frontier_sidecar_workload_latency_seconds_sum 100.02',
        'frontier_sidecar_workload_latency_seconds_count 2',
        'frontier_sidecar_confidence_bucket{le="0.1"} 1',
        'frontier_sidecar_in_flight 2',
        'frontier_sidecar_queued 1',
      ]),
    );
  });
});

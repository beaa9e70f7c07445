import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from '../../core/telemetry/metrics.ts';
import type { ResourceType } from '../protobuf/type-urls.ts';
import type { RequestOutcome } from './on-request.ts';

/** What the control plane counts. Types, kinds and outcomes are few; nodes are not, so they are no label. */
export interface ControlPlaneMetrics {
  request(type: ResourceType, outcome: RequestOutcome): void;
  response(type: ResourceType, resources: number): void;
  /** Time from a response to its acknowledgement. */
  acknowledged(type: ResourceType, seconds: number): void;
  streams(change: 1 | -1, kind: string): void;
  rebuild(outcome: 'changed' | 'unchanged' | 'refused'): void;
  certificateIssued(): void;
}

/** Registers the control plane's metrics. */
export function createControlPlaneMetrics(registry: Registry): ControlPlaneMetrics {
  const registers = [registry];
  const prefix = 'frontier_control_plane';
  const requests = new Counter({
    name: `${prefix}_discovery_requests_total`,
    help: 'Discovery requests by type and outcome; outcome nack is a refused configuration.',
    labelNames: ['type', 'outcome'],
    registers,
  });
  const responses = new Counter({
    name: `${prefix}_discovery_responses_total`,
    help: 'Discovery responses by type.',
    labelNames: ['type'],
    registers,
  });
  const resourcesSent = new Counter({
    name: `${prefix}_resources_sent_total`,
    help: 'Resources in discovery responses by type.',
    labelNames: ['type'],
    registers,
  });
  const ackSeconds = new Histogram({
    name: `${prefix}_acknowledgement_seconds`,
    help: 'Time from a discovery response to its acknowledgement.',
    labelNames: ['type'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
    registers,
  });
  const streams = new Gauge({
    name: `${prefix}_streams`,
    help: 'Open discovery streams by kind of client.',
    labelNames: ['kind'],
    registers,
  });
  const rebuilds = new Counter({
    name: `${prefix}_snapshot_rebuilds_total`,
    help: 'Snapshots built, by outcome; refused ones were inconsistent.',
    labelNames: ['outcome'],
    registers,
  });
  const certificates = new Counter({
    name: `${prefix}_certificates_issued_total`,
    help: 'Certificates signed for others.',
    registers,
  });
  return {
    request: (type, outcome) => {
      requests.inc({ type, outcome });
    },
    response: (type, count) => {
      responses.inc({ type });
      resourcesSent.inc({ type }, count);
    },
    acknowledged: (type, seconds) => {
      ackSeconds.observe({ type }, seconds);
    },
    streams: (change, kind) => {
      streams.inc({ kind }, change);
    },
    rebuild: (outcome) => {
      rebuilds.inc({ outcome });
    },
    certificateIssued: () => {
      certificates.inc();
    },
  };
}

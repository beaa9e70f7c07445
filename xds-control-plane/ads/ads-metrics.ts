import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from '../../core/telemetry/metrics.ts';
import { typeLabel } from '../protobuf/type-urls.ts';
import type { RequestOutcome } from './on-request.ts';

/** What the control plane counts. Types, kinds and outcomes are few; nodes are not, so they are no label. */
export interface ControlPlaneMetrics {
  request(typeUrl: string, outcome: RequestOutcome): void;
  response(typeUrl: string, resources: number): void;
  /** Time from a response to its acknowledgement, and from the change that it tells of (undefined for a first answer). */
  acknowledged(typeUrl: string, seconds: number, pushSeconds: number | undefined): void;
  /** Streams whose client has not taken the last response off the wire yet. */
  waiting(change: 1 | -1): void;
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
  const pushSeconds = new Histogram({
    name: `${prefix}_push_seconds`,
    help: 'Time from a change of what is served to its acknowledgement by a client.',
    labelNames: ['type'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const waiting = new Gauge({
    name: `${prefix}_streams_waiting`,
    help: 'Streams whose client has not taken the last response off the wire yet.',
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
    request: (typeUrl, outcome) => {
      requests.inc({ type: typeLabel(typeUrl), outcome });
    },
    response: (typeUrl, count) => {
      const type = typeLabel(typeUrl);
      responses.inc({ type });
      resourcesSent.inc({ type }, count);
    },
    acknowledged: (typeUrl, seconds, sinceChange) => {
      const type = typeLabel(typeUrl);
      ackSeconds.observe({ type }, seconds);
      if (sinceChange !== undefined) pushSeconds.observe({ type }, sinceChange);
    },
    waiting: (change) => {
      waiting.inc(change);
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

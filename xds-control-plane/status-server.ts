import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import {
  DiffReason as DiffReasonMessage,
  type DiffNodesRequest,
  type DiffNodesResponse,
  type DumpResourcesRequest,
  type DumpResourcesResponse,
  type GetStatusRequest,
  type GetStatusResponse,
  type ModuleReport as ModuleReportMessage,
  type NodeStatus,
  type ReportModulesRequest,
  type ReportModulesResponse,
  type RootRotation,
  type RotateRootRequest,
  type RotateRootResponse,
  RootRotationStep,
  type TypeStatus,
} from '../gen/frontier/mesh/v1/status.ts';
import type { Clock } from '../core/clock.ts';
import { FrontierError } from '../core/errors.ts';
import { serverStream, unary } from '../core/grpc/handlers.ts';
import { requirePeer } from '../core/identity/credentials.ts';
import { durationFromMs, durationToMs } from '../core/modules/module-view.ts';
import type { ConnectedNode, NodeRegistry } from './ads/node-registry.ts';
import type { TypeState } from './ads/stream-state.ts';
import type { SnapshotCache } from './cache/snapshot-cache.ts';
import type { Snapshot } from './cache/type-snapshot.ts';
import type { RootKeeper } from './authority/root-keeper.ts';
import { stepEndMs } from './authority/root-rotation.ts';
import type { Rotation, RotationStep } from './authority/root-state.ts';
import type { Codec } from './protobuf/codec.ts';
import { driftOf, shownContent } from './reports/introspection.ts';
import type { DiffReason } from './reports/introspection.ts';
import type { StateJoiner } from './reports/mesh-states.ts';
import type { ModuleReport } from './reports/router-reports.ts';

export interface StatusServiceOptions {
  readonly instance: string;
  readonly cache: SnapshotCache;
  readonly nodes: NodeRegistry;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly joiner: StateJoiner;
  /** Time within which routers must repeat their reports, in milliseconds. */
  readonly leaseMs: number;
  readonly roots: RootKeeper;
  readonly certificateLifetimeMs: number;
  /** SPIFFE ids that may ask. */
  readonly readers: readonly string[];
  /** SPIFFE ids that may see what is served. */
  readonly operators: readonly string[];
  /** SPIFFE ids that may report. */
  readonly reporters: readonly string[];
}

/** More than there are modules in the largest mesh that is tested; a report of more is a fault of its sender. */
const MAX_REPORTED_MODULES = 20_000;
const MAX_NAME_CHARS = 256;

/** Gives the handlers of ControlPlaneService. */
export function createStatusService(options: StatusServiceOptions): UntypedServiceImplementation {
  return {
    getStatus: unary<GetStatusRequest, GetStatusResponse>((_request, call) => {
      requirePeer(call, options.readers);
      return Promise.resolve(statusOf(options));
    }),
    diffNodes: unary<DiffNodesRequest, DiffNodesResponse>(({ nodeId }, call) => {
      requirePeer(call, options.readers);
      const nodes = options.nodes.list().filter(({ node }) => nodeId === '' || node.id === nodeId);
      return Promise.resolve({ nodes: nodes.map(diffOf) });
    }),
    dumpResources: serverStream<DumpResourcesRequest, DumpResourcesResponse>(async function* dump(request, call) {
      requirePeer(call, options.operators);
      yield* resourcesOf(await Promise.resolve(snapshotFor(request.nodeId, options)), request.typeUrls, options.codec);
    }),
    reportModules: unary<ReportModulesRequest, ReportModulesResponse>((request, call) => {
      requirePeer(call, options.reporters);
      takeReport(request, options);
      return Promise.resolve({ lease: durationFromMs(options.leaseMs) });
    }),
    rotateRoot: unary<RotateRootRequest, RotateRootResponse>(async (_request, call) => {
      requirePeer(call, options.operators);
      return { rotation: rotationOf(await options.roots.begin(), options.certificateLifetimeMs) };
    }),
  };
}

function statusOf(options: StatusServiceOptions): GetStatusResponse {
  const { instance, cache, nodes, roots } = options;
  return {
    instance,
    snapshotHash: cache.hash(),
    nodes: nodes.list().map(nodeStatus),
    synced: cache.current('gateway') !== undefined,
    rootExpireTime: new Date(roots.current().rootExpiresAtMs),
    rootRotation: rotationOf(roots.rotation(), options.certificateLifetimeMs),
  };
}

const STEPS: Readonly<Record<RotationStep, RootRotationStep>> = {
  distribute: RootRotationStep.DISTRIBUTE,
  replace: RootRotationStep.REPLACE,
};

function rotationOf(rotation: Rotation | undefined, lifetimeMs: number): RootRotation | undefined {
  if (rotation === undefined) return undefined;
  return { step: STEPS[rotation.step], stepEndTime: new Date(stepEndMs(rotation, lifetimeMs)) };
}

function nodeStatus({ node, spiffeId, connectedAtMs, state }: ConnectedNode): NodeStatus {
  return {
    nodeId: node.id,
    spiffeId,
    connectTime: new Date(connectedAtMs),
    types: state.types.map(typeStatus),
  };
}

function typeStatus({ typeUrl, subscription, sentVersion, ackedVersion, nackMessage }: TypeState): TypeStatus {
  const resourceNames = subscription?.wildcard === true ? [] : [...(subscription?.names ?? [])].sort();
  return { typeUrl, sentVersion, ackedVersion, nackMessage, resourceNames };
}

const REASONS: Readonly<Record<DiffReason, DiffReasonMessage>> = {
  PENDING: DiffReasonMessage.PENDING,
  UNANSWERED: DiffReasonMessage.UNANSWERED,
  REFUSED: DiffReasonMessage.REFUSED,
};

function diffOf({ node, state, wanted }: ConnectedNode): DiffNodesResponse['nodes'][number] {
  return {
    nodeId: node.id,
    resources: driftOf(state, wanted()).map((diff) => ({ ...diff, reason: REASONS[diff.reason] })),
  };
}

function snapshotFor(nodeId: string, { nodes, cache }: StatusServiceOptions): Snapshot {
  if (nodeId === '') return cache.current('gateway') ?? new Map();
  const found = nodes.list().find(({ node }) => node.id === nodeId);
  if (found === undefined) {
    throw new FrontierError('NODE_UNKNOWN', `no node "${nodeId.slice(0, MAX_NAME_CHARS)}" is connected`, {
      metadata: { node_id: nodeId.slice(0, MAX_NAME_CHARS) },
    });
  }
  return found.wanted() ?? new Map();
}

function* resourcesOf(
  snapshot: Snapshot,
  typeUrls: readonly string[],
  codec: Codec,
): Generator<DumpResourcesResponse, void, undefined> {
  for (const [typeUrl, { resources }] of snapshot) {
    if (typeUrls.length > 0 && !typeUrls.includes(typeUrl)) continue;
    for (const { name, version, any } of resources.values()) {
      yield { typeUrl, name, version, content: shownContent(codec.decode(any)) as Record<string, unknown> };
    }
  }
}

function takeReport({ reporter, modules }: ReportModulesRequest, { joiner, clock }: StatusServiceOptions): void {
  if (reporter === '' || reporter.length > MAX_NAME_CHARS) {
    throw invalid('reporter', `must be given, and have at most ${MAX_NAME_CHARS} characters`);
  }
  if (modules.length > MAX_REPORTED_MODULES) throw invalid('modules', `must be at most ${MAX_REPORTED_MODULES}`);
  joiner.report(
    reporter,
    modules.map((module, index) => reportFromMessage(module, index, clock.monotonicMs())),
  );
}

function reportFromMessage(
  { moduleId, breakerOpenFor, weight, breakerCopied }: ModuleReportMessage,
  index: number,
  nowMs: number,
): ModuleReport {
  if (weight !== undefined && !(weight >= 0 && weight <= 1)) {
    throw invalid(`modules[${index}].weight`, 'must be from 0 to 1');
  }
  return {
    moduleId,
    openUntilMs: breakerOpenFor === undefined ? undefined : nowMs + durationToMs(breakerOpenFor),
    weight,
    isOwn: !breakerCopied,
  };
}

function invalid(field: string, problem: string): FrontierError {
  return new FrontierError('INVALID_FIELD', `${field} ${problem}`, { metadata: { field } });
}

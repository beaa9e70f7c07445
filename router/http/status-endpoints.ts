import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Permission } from '../../core/config/schema.ts';
import type { Clock } from '../../core/clock.ts';
import { FrontierError } from '../../core/errors.ts';
import type { ModuleWatch } from '../../core/modules/module-watch-client.ts';
import type { Registry } from '../../core/telemetry/metrics.ts';
import type { CalibrationBook } from '../calibration/calibration-book.ts';
import { mayUse, type Principal } from '../domain/principal.ts';
import type { Activator } from '../execute/activation.ts';
import type { LoaderClient } from '../loader-client.ts';
import type { Admission } from '../pipeline/admit.ts';
import type { Pressure } from '../pipeline/pressure.ts';
import { requirePermission, type Authenticate } from '../pipeline/authenticate.ts';
import type { FallbackLedger } from '../resilience/fallback-ledger.ts';
import type { HealingEvents } from '../resilience/healing-events.ts';
import type { RetryBudget } from '../resilience/retry-budget.ts';
import type { Tuner } from '../resilience/tuning/tuner.ts';
import type { StrategyLearner } from '../resilience/strategy-learner.ts';
import type { ModuleBoard } from '../resilience/module-board.ts';
import type { SharedRouter } from '../state/share-router.ts';
import { principalOf } from './http-caller.ts';
import type { ClassifierStatus } from '../classification/open-cascade.ts';
import { checkBody } from './parse-body.ts';
import {
  eventsJson,
  pathsJson,
  recommendationsJson,
  resilienceJson,
  scopeJson,
  standInsJson,
  strategiesJson,
  tunedJson,
} from './fallback-json.ts';
import { classifierJson, moduleJson } from './status-json.ts';

export interface StatusEndpointOptions {
  readonly authenticate: Authenticate;
  readonly board: ModuleBoard;
  readonly activator: Activator;
  readonly watch: ModuleWatch;
  readonly loader: LoaderClient;
  readonly admission: Admission;
  readonly pressure: Pressure;
  readonly ledger: FallbackLedger;
  readonly retryBudget: RetryBudget;
  readonly classifierStatus: () => ClassifierStatus;
  readonly events: HealingEvents;
  readonly tuner: Tuner;
  readonly learner: StrategyLearner;
  readonly calibration: CalibrationBook;
  readonly shared: SharedRouter;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly version: string;
  /** Routers that there should be, and those that are there. */
  readonly configuredRouters: number;
  readonly routers: () => number;
  /** Whether new work is taken. */
  readonly isReady: () => boolean;
}

const breakerBody = z.strictObject({ state: z.enum(['open', 'closed']) });

/** GET /health, /metrics, /status, /fallback/stats|events and POST /modules/:id/load|unload|restart|release|breaker. */
export function addStatusEndpoints(app: FastifyInstance, options: StatusEndpointOptions): void {
  const { board, registry, clock } = options;
  const startedMs = clock.monotonicMs();
  const guard = (permission: Permission) => (request: Parameters<typeof principalOf>[0]) => {
    const principal = principalOf(request, options.authenticate);
    requirePermission(principal, permission);
    return principal;
  };
  const reads = guard('read_status');
  const manages = guard('manage_modules');

  app.get('/health', (_request, reply) => {
    const ready = options.isReady();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ok' : 'unavailable', loader: loaderState(options) });
  });
  app.get('/metrics', async (request, reply) => {
    reads(request);
    return reply.header('content-type', registry.contentType).send(await registry.metrics());
  });
  app.get('/status', (request, reply) => {
    const { tenant } = reads(request);
    return reply.send({
      version: options.version,
      uptime_seconds: (clock.monotonicMs() - startedMs) / 1000,
      in_flight: options.admission.inFlight,
      admission: admissionJson(options, tenant),
      routers: { configured: options.configuredRouters, running: options.routers() },
      loader: loaderState(options),
      classifier: classifierJson(options.classifierStatus()),
      modules: recordsInOrder(board).map((record) =>
        moduleJson(record, options.activator.waiting(record.spec.module_id)),
      ),
    });
  });
  app.get('/fallback/stats', (request, reply) => {
    reads(request);
    return reply.send({
      modules: recordsInOrder(board).map((record) => resilienceJson(record, options.ledger, options.calibration)),
      scope: scopeJson(options.ledger, options.shared),
      calibration: { enabled: options.calibration.isEnabled },
      fallbacks: standInsJson(options.ledger),
      paths: pathsJson(options.ledger),
      retry_budget: options.retryBudget.balance,
      recommendations: recommendationsJson(options.tuner),
      tuned: tunedJson(options.tuner),
      strategies: strategiesJson(options.learner),
    });
  });
  app.get('/fallback/events', (request, reply) => {
    reads(request);
    return reply.send({ events: eventsJson(options.events) });
  });
  app.post<{ Params: { id: string } }>('/modules/:id/breaker', (request, reply) => {
    const principal = manages(request);
    const { id } = request.params;
    const { state } = checkBody(breakerBody, request.body);
    requireModule(board, principal, id);
    board.setBreaker(id, state);
    const record = board.record(id);
    return reply.send(record === undefined ? {} : resilienceJson(record, options.ledger, options.calibration));
  });
  for (const order of ORDERS) {
    app.post<{ Params: { id: string } }>(`/modules/:id/${order}`, async (request, reply) => {
      const principal = manages(request);
      const { id } = request.params;
      requireModule(board, principal, id);
      await giveOrder(order, id, options.loader);
      return reply.code(202).send({ module_id: id, state: board.record(id)?.state ?? 'UNLOADED' });
    });
  }
}

const ORDERS = ['load', 'unload', 'restart', 'release'] as const;

function giveOrder(order: (typeof ORDERS)[number], id: string, loader: LoaderClient): Promise<void> {
  return order === 'restart' ? loader.restart(id, 'ordered by hand', true) : loader[order](id);
}

/** Throws MODULE_UNKNOWN or PERMISSION_DENIED. */
function requireModule(board: ModuleBoard, principal: Principal, id: string): void {
  if (!board.statuses.has(id))
    throw new FrontierError('MODULE_UNKNOWN', `there is no module "${id}"`, { metadata: { module_id: id } });
  if (!mayUse(principal, id))
    throw new FrontierError('PERMISSION_DENIED', `the roles of ${principal.subject} do not allow ${id}`);
}

/** How the router stands with its places; of tenants only what the reader's own has. */
function admissionJson({ admission, pressure }: StatusEndpointOptions, tenant: string) {
  const { inFlight, share } = admission.tenantShare(tenant);
  return {
    limit: admission.limit,
    waiting: admission.waiting,
    brown_out_level: pressure.level,
    tenant: { name: tenant, in_flight: inFlight, share },
  };
}

function recordsInOrder(board: ModuleBoard) {
  return [...board.records()].sort((a, b) => a.spec.module_id.localeCompare(b.spec.module_id));
}

function loaderState({ watch }: StatusEndpointOptions) {
  return { connected: watch.isConnected() };
}

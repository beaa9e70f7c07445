import { checkModuleMesh } from './check-module-mesh.ts';
import { checkAdaptive } from './check-overload.ts';
import { duplicateIndexes, isSet, type Draft } from './draft.ts';
import { parseQuantity } from './quantity.ts';
import type { ModuleSpec } from './schema.ts';
import type { Finding } from './validate.ts';

type Check = (spec: ModuleSpec, raw: unknown) => Finding[];

/** Gives what is wrong with one module by itself, beyond its schema. */
export function checkModule({ value, raw }: Draft<ModuleSpec>): Finding[] {
  return value === undefined ? [] : CHECKS.flatMap((check) => check(value, raw));
}

/** In OpenAI requests `model: "auto"` asks for the router's choice. */
const RESERVED_IDS = ['auto'];

const checkId: Check = ({ module_id: id }) =>
  RESERVED_IDS.includes(id) ? [{ path: ['module_id'], message: `must not be "${id}", which asks for any module` }] : [];

const checkDuplicates: Check = (spec) =>
  (['query_classes', 'fallbacks', 'dependencies'] as const).flatMap((key) =>
    duplicateIndexes(spec[key]).map((index) => ({ path: [key, index], message: 'stands in the list a second time' })),
  );

const checkWorkload: Check = ({ workload, adapter, image }) => {
  if (adapter.url === undefined) {
    if (workload !== undefined || image !== undefined) return [];
    return [{ path: ['module_id'], message: 'has nothing to run: give workload.command, adapter.url or image' }];
  }
  const message = 'has no effect, since adapter.url names a workload that runs elsewhere; keep one of the two';
  return [
    ...(workload === undefined ? [] : [{ path: ['workload'], message }]),
    ...(image === undefined ? [] : [{ path: ['image'], message }]),
  ];
};

const checkScaling: Check = ({ scaling, idle_timeout: idleTimeout, schedule }) => {
  const { min_replicas: min, max_replicas: max } = scaling;
  const findings: Finding[] = [];
  if (min > max) {
    findings.push({ path: ['scaling', 'min_replicas'], message: `is ${min}, above max_replicas, which is ${max}` });
  }
  if (min === max && idleTimeout !== undefined) {
    findings.push({
      path: ['idle_timeout'],
      message: 'has no effect: min_replicas equals max_replicas, so none is unloaded',
    });
  }
  for (const [index, { replicas }] of schedule.entries()) {
    if (replicas <= max) continue;
    findings.push({
      path: ['schedule', index, 'replicas'],
      message: `is ${replicas}, above max_replicas, which is ${max}`,
    });
  }
  return findings;
};

const checkResources: Check = ({ resource_requirements: { requests, limits } }) =>
  (['cpu', 'memory', 'gpu'] as const).flatMap((key) => {
    const [request, limit] = [requests[key], limits[key]];
    if (request === undefined || limit === undefined) return [];
    const path = ['resource_requirements', 'requests', key];
    if (parseQuantity(request) > parseQuantity(limit)) {
      return [{ path, message: `is ${request}, above its limit, which is ${limit}` }];
    }
    // Kubernetes does not share devices: https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/
    const differs = key === 'gpu' && parseQuantity(request) !== parseQuantity(limit);
    return differs ? [{ path, message: `is ${request}, but for gpu it must equal the limit, which is ${limit}` }] : [];
  });

const checkBreaker: Check = ({ circuit_breaker: { enabled, failure_threshold: threshold } }) =>
  !enabled && threshold !== undefined
    ? [{ path: ['circuit_breaker', 'failure_threshold'], message: 'has no effect: circuit_breaker.enabled is false' }]
    : [];

const checkTimeouts: Check = ({ timeouts }, raw) =>
  isSet(raw, ['timeouts', 'first_token']) && timeouts.first_token > timeouts.request
    ? [
        {
          path: ['timeouts', 'first_token'],
          message: `has no effect: it is longer than timeouts.request, which is ${timeouts.request}`,
        },
      ]
    : [];

const checkAttachments: Check = ({ capabilities }) =>
  capabilities.requires_attachment && capabilities.media_types.length === 0
    ? [
        {
          path: ['capabilities', 'requires_attachment'],
          message: 'leaves no query to answer: capabilities.media_types accepts no attachment',
        },
      ]
    : [];

const CHECKS: readonly Check[] = [
  checkId,
  checkDuplicates,
  checkWorkload,
  checkScaling,
  checkResources,
  checkBreaker,
  checkTimeouts,
  checkAttachments,
  checkModuleMesh,
  checkAdaptive,
];

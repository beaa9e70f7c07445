import { duplicateIndexes, isSet } from './draft.ts';
import type { ModuleSpec } from './schema.ts';
import type { Finding } from './validate.ts';

/** Gives what is wrong with how the mesh is to carry one module's calls: contradictions, and settings without effect. */
export function checkModuleMesh(spec: ModuleSpec, raw: unknown): Finding[] {
  return [...checkBalancing(spec, raw), ...checkRetry(spec, raw), ...checkTraffic(spec), ...checkEjection(spec)];
}

/** Settings of one policy, by the policies that read them. */
const READ_BY: readonly (readonly [string, readonly ModuleSpec['load_balancing']['policy'][]])[] = [
  ['session_header', ['ring_hash']],
  ['slow_start', ['least_request', 'round_robin']],
  ['load_reports', ['weighted_by_load']],
];

function checkBalancing({ load_balancing: { policy } }: ModuleSpec, raw: unknown): Finding[] {
  return READ_BY.filter(([key, policies]) => isSet(raw, ['load_balancing', key]) && !policies.includes(policy)).map(
    ([key, policies]) => ({
      path: ['load_balancing', key],
      message: `has no effect: load_balancing.policy is ${policy}, and only ${policies.join(' and ')} reads it`,
    }),
  );
}

function checkRetry({ retry }: ModuleSpec, raw: unknown): Finding[] {
  const findings: Finding[] = [];
  if (retry.attempts === 0) {
    for (const key of ['on', 'per_try_timeout', 'back_off', 'budget']) {
      if (isSet(raw, ['retry', key]))
        findings.push({ path: ['retry', key], message: 'has no effect: retry.attempts is 0' });
    }
  }
  if (retry.budget !== undefined && isSet(raw, ['in_flight_limits', 'max_retries'])) {
    findings.push({
      path: ['in_flight_limits', 'max_retries'],
      message: 'has no effect: retry.budget takes its place',
    });
  }
  return [
    ...findings,
    ...duplicateIndexes(retry.on).map((index) => ({
      path: ['retry', 'on', index],
      message: 'stands in the list a second time',
    })),
  ];
}

function checkTraffic({ traffic, module_id: own }: ModuleSpec): Finding[] {
  const total = traffic.split.reduce((sum, { percent }) => sum + percent, 0);
  const findings: Finding[] = [];
  if (total > 100)
    findings.push({ path: ['traffic', 'split'], message: `gives away ${total} %, more than all of the calls` });
  if (traffic.ramp !== undefined && traffic.split.length !== 1) {
    findings.push({
      path: ['traffic', 'ramp'],
      message: `needs one module in traffic.split to ramp up, and there are ${traffic.split.length}`,
    });
  }
  for (const key of ['split', 'mirror'] as const) {
    const ids = traffic[key].map(({ module }) => module);
    for (const index of duplicateIndexes(ids)) {
      findings.push({ path: ['traffic', key, index, 'module'], message: 'stands in the list a second time' });
    }
    if (ids.includes(own)) {
      findings.push({ path: ['traffic', key, ids.indexOf(own), 'module'], message: 'names the module itself' });
    }
  }
  return findings;
}

function checkEjection({ outlier_detection: outliers }: ModuleSpec): Finding[] {
  return outliers.max_ejection_time < outliers.base_ejection_time
    ? [
        {
          path: ['outlier_detection', 'max_ejection_time'],
          message: `is ${outliers.max_ejection_time}, shorter than base_ejection_time, which is ${outliers.base_ejection_time}`,
        },
      ]
    : [];
}

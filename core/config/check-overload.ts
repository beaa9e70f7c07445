import { isSet, type ConfigDraft } from './draft.ts';
import { PRIORITIES } from './overload-schema.ts';
import type { ModuleSpec, Orchestration } from './schema.ts';
import { didYouMean } from './suggest.ts';
import type { Finding } from './validate.ts';

const ADMISSION = ['orchestration', 'router', 'admission'];
const TENANTS = ['orchestration', 'security', 'tenants'];
/** Tenant of every caller where no keys are configured. */
const OPEN_TENANT = 'default';

/** Gives what is wrong with what is to happen under overload: contradictions, and settings without effect. */
export function checkOverload({ orchestration: { value, raw } }: ConfigDraft): Finding[] {
  if (value === undefined) return [];
  return [
    ...checkQueue(value, raw),
    ...checkSwitches(value, raw),
    ...checkBrownOut(value),
    ...checkTenants(value, raw),
  ];
}

/** Gives what is wrong with how a module's limit is to adapt. */
export function checkAdaptive({ concurrency }: ModuleSpec, raw: unknown): Finding[] {
  const path = ['concurrency', 'adaptive'];
  const { adaptive, max_in_flight: running, max_queued: queued } = concurrency;
  if (!adaptive.enabled)
    return setKeys(raw, path, ['min_limit', 'tolerance', 'latency_floor', 'probe_interval']).map((key) => ({
      path: [...path, key],
      message: 'has no effect: concurrency.adaptive.enabled is false',
    }));
  if (adaptive.min_limit === undefined || adaptive.min_limit <= running + queued) return [];
  const message = `is ${adaptive.min_limit}, more than max_in_flight and max_queued allow, which is ${running + queued}`;
  return [{ path: [...path, 'min_limit'], message }];
}

function checkQueue({ router: { admission } }: Orchestration, raw: unknown): Finding[] {
  const { size, max_wait, standing_wait } = admission.queue;
  const path = [...ADMISSION, 'queue'];
  if (size === 0)
    return setKeys(raw, path, ['max_wait', 'standing_wait']).map((key) => ({
      path: [...path, key],
      message: 'has no effect: router.admission.queue.size is 0',
    }));
  if (standing_wait <= max_wait) return [];
  return [
    { path: [...path, 'standing_wait'], message: `is ${standing_wait}, longer than max_wait, which is ${max_wait}` },
  ];
}

function checkSwitches({ router: { admission } }: Orchestration, raw: unknown): Finding[] {
  const keys = {
    adaptive: ['min_limit', 'max_delay'],
    brown_out: ['utilization', 'recovery', 'after', 'recover_after', 'prefer_cheaper', 'max_tokens'],
  } as const;
  return (['adaptive', 'brown_out'] as const).flatMap((name) =>
    admission[name].enabled
      ? []
      : setKeys(raw, [...ADMISSION, name], keys[name]).map((key) => ({
          path: [...ADMISSION, name, key],
          message: `has no effect: router.admission.${name}.enabled is false`,
        })),
  );
}

function checkBrownOut({ router: { admission } }: Orchestration): Finding[] {
  const { enabled, utilization, recovery, prefer_cheaper: cheaper, max_tokens: maxTokens } = admission.brown_out;
  if (!enabled) return [];
  const path = [...ADMISSION, 'brown_out'];
  const findings: Finding[] = [];
  if (recovery >= utilization)
    findings.push({
      path: [...path, 'recovery'],
      message: `is ${recovery}, not less than utilization, which is ${utilization}: pressure would come and go at once`,
    });
  if (!cheaper && maxTokens === undefined)
    findings.push({ path, message: 'has no effect: prefer_cheaper is false and max_tokens is not set' });
  return findings;
}

function checkTenants({ security, router: { admission } }: Orchestration, raw: unknown): Finding[] {
  const { api_keys: keys, tenants } = security;
  const known = keys.length === 0 ? [OPEN_TENANT] : keys.map(({ tenant }) => tenant);
  return Object.entries(tenants).flatMap(([name, { priority, max_priority: most }]) => {
    const path = [...TENANTS, name];
    if (!known.includes(name)) {
      const why =
        keys.length === 0 ? `without security.api_keys every caller is of "${OPEN_TENANT}"` : 'no key is of it';
      return [{ path, message: `has no effect: ${why}${didYouMean(name, known)}` }];
    }
    const findings: Finding[] = [];
    if (PRIORITIES.indexOf(priority) > PRIORITIES.indexOf(most))
      findings.push({
        path: [...path, 'priority'],
        message: `is ${priority}, higher than max_priority, which is ${most}`,
      });
    if (!admission.fair_share && isSet(raw, [...path, 'weight']))
      findings.push({ path: [...path, 'weight'], message: 'has no effect: router.admission.fair_share is false' });
    return findings;
  });
}

function setKeys(raw: unknown, path: readonly string[], keys: readonly string[]): string[] {
  return keys.filter((key) => isSet(raw, [...path, key]));
}

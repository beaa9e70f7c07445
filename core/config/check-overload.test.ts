import { expect, test } from '@jest/globals';
import { checkAdaptive, checkOverload } from './check-overload.ts';
import { formatPath } from './config-fault.ts';
import { moduleSpecSchema, orchestrationFileSchema } from './schema.ts';

const KEYS = [{ id: 'k', hash: `sha256:${'0'.repeat(64)}`, tenant: 'acme' }];

function findings(admission: object, security: object = {}): string[] {
  const raw = { orchestration: { router: { admission }, security } };
  const value = orchestrationFileSchema.parse(raw).orchestration;
  return checkOverload({ orchestration: { value, raw }, modules: [] }).map(
    ({ path, message }) => `${formatPath(path).replace('orchestration.', '')}: ${message}`,
  );
}

test.each<[object, object, string[]]>([
  [{}, {}, []],
  [
    { queue: { size: 0, max_wait: 1 } },
    {},
    ['router.admission.queue.max_wait: has no effect: router.admission.queue.size is 0'],
  ],
  [
    { queue: { max_wait: 0.5, standing_wait: 1 } },
    {},
    ['router.admission.queue.standing_wait: is 1, longer than max_wait, which is 0.5'],
  ],
  [
    { adaptive: { enabled: false, min_limit: 5 } },
    {},
    ['router.admission.adaptive.min_limit: has no effect: router.admission.adaptive.enabled is false'],
  ],
  [
    { brown_out: { max_tokens: 50 } },
    {},
    ['router.admission.brown_out.max_tokens: has no effect: router.admission.brown_out.enabled is false'],
  ],
  [
    { brown_out: { enabled: true, prefer_cheaper: false } },
    {},
    ['router.admission.brown_out: has no effect: prefer_cheaper is false and max_tokens is not set'],
  ],
  [
    { brown_out: { enabled: true, utilization: 0.5, recovery: 0.5 } },
    {},
    [
      'router.admission.brown_out.recovery: is 0.5, not less than utilization, which is 0.5: pressure would come and go at once',
    ],
  ],
  [{}, { tenants: { default: { priority: 'low' } } }, []],
  [
    {},
    { tenants: { acme: {} } },
    ['security.tenants.acme: has no effect: without security.api_keys every caller is of "default"'],
  ],
  [
    {},
    { api_keys: KEYS, tenants: { acmee: {} } },
    ['security.tenants.acmee: has no effect: no key is of it; did you mean "acme"?'],
  ],
  [
    { fair_share: false },
    { api_keys: KEYS, tenants: { acme: { weight: 2, priority: 'high', max_priority: 'low' } } },
    [
      'security.tenants.acme.priority: is high, higher than max_priority, which is low',
      'security.tenants.acme.weight: has no effect: router.admission.fair_share is false',
    ],
  ],
])('%j with %j', (admission, security, expected) => {
  expect(findings(admission, security)).toEqual(expected);
});

test.each<[object, string[]]>([
  [{ adaptive: { min_limit: 36 } }, []],
  [
    { adaptive: { min_limit: 37 } },
    ['concurrency.adaptive.min_limit: is 37, more than max_in_flight and max_queued allow, which is 36'],
  ],
  [
    { adaptive: { enabled: false, tolerance: 3 } },
    ['concurrency.adaptive.tolerance: has no effect: concurrency.adaptive.enabled is false'],
  ],
])('concurrency: %j', (concurrency, expected) => {
  const raw = { module_id: 'm', concurrency };
  const found = checkAdaptive(moduleSpecSchema.parse(raw), raw);
  expect(found.map(({ path, message }) => `${formatPath(path)}: ${message}`)).toEqual(expected);
});

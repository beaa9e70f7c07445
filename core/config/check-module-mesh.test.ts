import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { formatPath } from './config-fault.ts';
import type { Draft } from './draft.ts';
import { moduleSpecSchema, orchestrationFileSchema, type ModuleSpec } from './schema.ts';
import { checkSemantics } from './semantics.ts';

const BASE = 'module_id: base\nquery_classes: [GENERAL]\nworkload: { command: [serve] }\n';

function draft(text: string): Draft<ModuleSpec> {
  const raw: unknown = parse(text);
  return { raw, value: moduleSpecSchema.parse(raw) };
}

function findings(...lines: readonly string[]): string[] {
  const modules = [
    BASE,
    ...lines.map((line, index) => `module_id: m${index}\nworkload: { command: [serve] }\n${line}`),
  ];
  const orchestration = { raw: {}, value: orchestrationFileSchema.parse({ orchestration: {} }).orchestration };
  return checkSemantics({ orchestration, modules: modules.map(draft) }).map(
    ({ path, message }) => `${formatPath(path)}: ${message}`,
  );
}

test.each<[string, string]>([
  [
    'load_balancing: { session_header: x-frontier-tenant }',
    'load_balancing.session_header: has no effect: load_balancing.policy is least_request, and only ring_hash reads it',
  ],
  [
    'load_balancing: { policy: ring_hash, slow_start: 5 }',
    'load_balancing.slow_start: has no effect: load_balancing.policy is ring_hash, and only least_request and round_robin reads it',
  ],
  [
    'load_balancing: { load_reports: { blackout: 1 } }',
    'load_balancing.load_reports: has no effect: load_balancing.policy is least_request, and only weighted_by_load reads it',
  ],
  ['retry: { attempts: 0, on: [reset] }', 'retry.on: has no effect: retry.attempts is 0'],
  [
    'retry: { budget: {} }\nin_flight_limits: { max_retries: 2 }',
    'in_flight_limits.max_retries: has no effect: retry.budget takes its place',
  ],
  [
    'outlier_detection: { base_ejection_time: 20, max_ejection_time: 10 }',
    'outlier_detection.max_ejection_time: is 10, shorter than base_ejection_time, which is 20',
  ],
  ['traffic: { split: [{ module: m0, percent: 1 }] }', 'traffic.split[0].module: names the module itself'],
  [
    'traffic: { mirror: [{ module: bese }] }',
    'traffic.mirror[0].module: "bese" is not the id of a module; did you mean "base"?',
  ],
  [
    'traffic: { split: [{ module: base, percent: 60 }, { module: base, percent: 50 }] }',
    'traffic.split: gives away 110 %, more than all of the calls',
  ],
  ['traffic: { ramp: {} }', 'traffic.ramp: needs one module in traffic.split to ramp up, and there are 0'],
])('%s is a fault', (line, expected) => {
  expect(findings(line)).toContain(expected);
});

test('a split must not name a module that has one of its own', () => {
  const split = (id: string): string => `traffic: { split: [{ module: ${id}, percent: 1 }] }`;
  expect(findings(split('m1'), split('base'))).toEqual([
    'traffic.split[0].module: "m1" has a split of its own, which would have no effect',
  ]);
});

test('what has an effect is no fault', () => {
  expect(
    findings(
      'load_balancing: { policy: ring_hash, session_header: x-frontier-tenant }\nretry: { budget: {} }\ntraffic: { split: [{ module: base, percent: 100 }] }',
    ),
  ).toEqual([]);
});

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { formatPath } from './config-fault.ts';
import { findCycles } from './dependency-cycles.ts';
import type { ConfigDraft, Draft } from './draft.ts';
import { isLoopback } from './check-orchestration.ts';
import { findNotBuilt } from './not-built.ts';
import { parseQuantity } from './quantity.ts';
import { moduleSpecSchema, orchestrationFileSchema, type ModuleSpec } from './schema.ts';
import { checkSemantics } from './semantics.ts';

const BASE = 'module_id: base\nquery_classes: [GENERAL]\nworkload: { command: [serve] }\n';
const HASH = `sha256:${'0'.repeat(64)}`;

function moduleDraft(text: string): Draft<ModuleSpec> {
  const raw: unknown = parse(text);
  return { raw, value: moduleSpecSchema.parse(raw) };
}

function draftOf(orchestration: string, modules: readonly string[]): ConfigDraft {
  const raw: unknown = { orchestration: (parse(orchestration) as unknown) ?? {} };
  return {
    orchestration: { raw, value: orchestrationFileSchema.parse(raw).orchestration },
    modules: modules.map(moduleDraft),
  };
}

/** Gives each finding as `document path: message`. */
function findings(orchestration: string, modules: readonly string[], find = checkSemantics): string[] {
  return find(draftOf(orchestration, modules)).map(
    ({ document, path, message }) => `${document} ${formatPath(path).replace('orchestration.', '')}: ${message}`,
  );
}

/** A module `m` beside the base, with these lines. */
const withModule = (lines: string): string[] => [BASE, `module_id: m\n${lines}\n`];
const RUNS = 'workload: { command: [serve] }\n';

describe('one module', () => {
  test.each([
    ['nothing to run', '', '1 module_id: has nothing to run: give workload.command, adapter.url or image'],
    [
      'a workload here and elsewhere',
      `${RUNS}adapter: { type: openai, url: 'http://h/v1' }`,
      '1 workload: has no effect, since adapter.url names a workload that runs elsewhere; keep one of the two',
    ],
    [
      'an image and a workload elsewhere',
      `image: i\nadapter: { type: openai, url: 'http://h/v1' }`,
      '1 image: has no effect, since adapter.url names a workload that runs elsewhere; keep one of the two',
    ],
    [
      'min above max',
      `${RUNS}scaling: { min_replicas: 3, max_replicas: 2 }`,
      '1 scaling.min_replicas: is 3, above max_replicas, which is 2',
    ],
    [
      'an idle timeout that cannot fall due',
      `${RUNS}idle_timeout: 5\nscaling: { min_replicas: 1 }`,
      '1 idle_timeout: has no effect: min_replicas equals max_replicas, so none is unloaded',
    ],
    [
      'a schedule above max',
      `${RUNS}schedule: [{ cron: '* * * * *', replicas: 2 }]`,
      '1 schedule[0].replicas: is 2, above max_replicas, which is 1',
    ],
    [
      'cpu above its limit',
      `${RUNS}resource_requirements: { requests: { cpu: '1' }, limits: { cpu: 500m } }`,
      '1 resource_requirements.requests.cpu: is 1, above its limit, which is 500m',
    ],
    [
      'memory above its limit',
      `${RUNS}resource_requirements: { requests: { memory: 1Gi }, limits: { memory: 1G } }`,
      '1 resource_requirements.requests.memory: is 1Gi, above its limit, which is 1G',
    ],
    [
      'gpu below its limit',
      `${RUNS}resource_requirements: { requests: { gpu: '1' }, limits: { gpu: '2' } }`,
      '1 resource_requirements.requests.gpu: is 1, but for gpu it must equal the limit, which is 2',
    ],
    [
      'a threshold on no breaker',
      `${RUNS}circuit_breaker: { enabled: false, failure_threshold: 3 }`,
      '1 circuit_breaker.failure_threshold: has no effect: circuit_breaker.enabled is false',
    ],
    [
      'a first token after the end',
      `${RUNS}timeouts: { request: 2, first_token: 3 }`,
      '1 timeouts.first_token: has no effect: it is longer than timeouts.request, which is 2',
    ],
    [
      'attachments required and none accepted',
      `${RUNS}capabilities: { requires_attachment: true }`,
      '1 capabilities.requires_attachment: leaves no query to answer: capabilities.media_types accepts no attachment',
    ],
    ['a duplicate', `${RUNS}fallbacks: [base, base]`, '1 fallbacks[1]: stands in the list a second time'],
  ])('%s is a fault', (_name, lines, expected) => {
    expect(findings('', withModule(lines))).toEqual([expected]);
  });

  test('the id that asks for any module is taken', () => {
    expect(findings('', [BASE, `module_id: auto\n${RUNS}`])).toEqual([
      '1 module_id: must not be "auto", which asks for any module',
    ]);
  });

  test("a shorter request timeout alone is no fault of the first token's default", () => {
    expect(findings('', withModule(`${RUNS}timeouts: { request: 2 }`))).toEqual([]);
  });
});

describe('between modules', () => {
  test.each([
    [
      'an unknown fallback',
      'fallbacks: [bas]',
      '1 fallbacks[0]: "bas" is not the id of a module; did you mean "base"?',
    ],
    [
      'an unknown dependency',
      'dependencies: [other-thing]',
      '1 dependencies[0]: "other-thing" is not the id of a module',
    ],
    ['itself as a fallback', 'fallbacks: [m]', '1 fallbacks[0]: names the module itself'],
    ['itself as a dependency', 'dependencies: [m]', '1 dependencies[0]: names the module itself'],
  ])('%s is a fault', (_name, lines, expected) => {
    expect(findings('', withModule(RUNS + lines))).toEqual([expected]);
  });

  test('a cycle of dependencies is named; a cycle of fallbacks is no fault', () => {
    const needs = (id: string, other: string): string =>
      `module_id: ${id}\n${RUNS}dependencies: [${other}]\nfallbacks: [${other}]\n`;
    expect(findings('', [BASE, needs('a', 'b'), needs('b', 'c'), needs('c', 'a')])).toEqual([
      '3 dependencies[0]: closes a cycle: a → b → c → a',
    ]);
  });

  test('an id taken twice is a fault of the later file', () => {
    expect(findings('', [BASE, BASE])).toEqual(['1 module_id: "base" is already the id of another module']);
  });

  test('some module must answer GENERAL, and without an attachment', () => {
    const message = 'query_classes: no module answers the class GENERAL';
    expect(findings('', [`module_id: m\n${RUNS}`])[0]).toContain(message);
    const ocr = `${BASE}capabilities: { requires_attachment: true, media_types: ['image/*'] }\n`;
    expect(findings('', [ocr])[0]).toContain(message);
    expect(findings('', [])).toEqual([]);
  });

  test('while a file cannot be read, a name that seems unknown may be its', () => {
    const draft = draftOf('', withModule(`${RUNS}fallbacks: [elsewhere]`));
    const unreadable = { raw: undefined, value: undefined };
    expect(checkSemantics({ ...draft, modules: [...draft.modules, unreadable] })).toEqual([]);
  });

  test('a breaker on nothing is a fault', () => {
    const orchestration = 'fallback: { circuit_breaker: { failure_threshold: 2 } }';
    expect(findings(orchestration, [`${BASE}circuit_breaker: { enabled: false }\n`])).toEqual([
      'orchestration fallback.circuit_breaker: has no effect: every module has circuit_breaker.enabled: false',
    ]);
    expect(findings(orchestration, [BASE])).toEqual([]);
  });
});

describe('the orchestration file', () => {
  const key = (id: string, rest = ''): string => `{ id: ${id}, hash: '${HASH}' ${rest} }`;
  test.each([
    [
      'equal ports',
      'network: { ports: { edge: 9, mesh: 9 } }',
      ['network.ports.mesh: is 9, the same as network.ports.edge'],
    ],
    ['free ports', 'network: { ports: { edge: 0, mesh: 0 } }', []],
    [
      'an edge that is the router itself',
      'mesh: { mode: proxyless }\nnetwork: { ports: { edge: 9, router_http: 9 } }',
      [],
    ],
    [
      'an open address without keys',
      'network: { address: 0.0.0.0 }',
      ['network.address: is "0.0.0.0", beyond loopback, which needs at least one key in security.api_keys'],
    ],
    ['an open address with a key', `network: { address: 0.0.0.0 }\nsecurity: { api_keys: [${key('a')}] }`, []],
    [
      'a debounce above its bound',
      'mesh: { debounce: 1 }',
      ['mesh.debounce: is 1, longer than mesh.debounce_max, which is 0.5'],
    ],
    [
      'a timeout of no HTTP',
      'communication: { protocols: { http: { enabled: false, timeout: 3 } } }',
      ['communication.protocols.http.timeout: has no effect: communication.protocols.http.enabled is false'],
    ],
    [
      'any origin and one',
      "network: { cors_origins: ['*', 'https://a.example'] }",
      ['network.cors_origins[0]: allows any origin, so the others have no effect'],
    ],
    [
      'an origin with a slash',
      "network: { cors_origins: ['https://a.example/'] }",
      [
        'network.cors_origins[0]: must be "*" or an origin such as https://example.com, without a path or a final slash',
      ],
    ],
    [
      'roles without keys',
      'security: { roles: { user: { permissions: [route] } } }',
      ['security.roles: has no effect: without security.api_keys every caller is an administrator'],
    ],
    [
      'an unknown role',
      `security: { api_keys: [${key('a', ', roles: [usr]')}] }`,
      ['security.api_keys[0].roles[0]: "usr" is not a role of security.roles; did you mean "user"?'],
    ],
    [
      'keys alike',
      `security: { api_keys: [${key('a')}, ${key('a')}] }`,
      [
        'security.api_keys[1].id: is the id of an earlier key',
        'security.api_keys[1].hash: is the hash of an earlier key',
      ],
    ],
    [
      'a role for an unknown module',
      `security: { api_keys: [${key('a')}], roles: { user: { permissions: [route], modules: [bse] } } }`,
      ['security.roles.user.modules[0]: "bse" is not the id of a module; did you mean "base"?'],
    ],
    [
      'a role that may route to nothing',
      `security: { api_keys: [${key('a')}], roles: { user: { permissions: [route], modules: [] } } }`,
      ['security.roles.user.modules: is empty, so the permission "route" has no effect'],
    ],
  ])('%s', (_name, orchestration, expected) => {
    expect(findings(orchestration, [BASE])).toEqual(expected.map((text) => `orchestration ${text}`));
  });
});

describe('findNotBuilt', () => {
  test.each([
    ['dynamic_loading: { strategy: predictive }', '', 'orchestration dynamic_loading.strategy'],
    ['dynamic_loading: { driver: kubernetes }', '', 'orchestration dynamic_loading.driver'],
    ['mesh: { mode: istio }', '', 'orchestration mesh.mode'],
    ['', "schedule: [{ cron: '* * * * *', replicas: 1 }]", '0 schedule'],
    ['', 'scaling: { target_cpu_utilization: 70 }', '0 scaling.target_cpu_utilization'],
  ])('%s %s is warned of, once and in one sentence', (orchestration, lines, place) => {
    const found = findings(orchestration, [BASE + lines], findNotBuilt);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${place.replaceAll('.', '\\.')}: [^.]*\\.([^ ][^.]*\\.)?$`));
  });

  test('an image is warned of when nothing else says how to run the module', () => {
    expect(findings('', withModule('image: i'), findNotBuilt)).toEqual([
      expect.stringMatching(/^1 image: .*give workload.command/),
    ]);
    expect(findings('', withModule(`${RUNS}image: i`), findNotBuilt)).toEqual([]);
  });

  test('the defaults warn of nothing', () => {
    expect(findings('', [BASE], findNotBuilt)).toEqual([]);
  });
});

describe('findCycles', () => {
  const node = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const graphs = fc.dictionary(node, fc.array(node, { maxLength: 3 }));

  /** Takes nodes away whose needs are all met, until none is left or none can be taken. */
  const canBeOrdered = (graph: Map<string, readonly string[]>): boolean => {
    const left = new Map(graph);
    for (;;) {
      const free = [...left].filter(([, needs]) => needs.every((need) => !left.has(need)));
      if (free.length === 0) return left.size === 0;
      for (const [node] of free) left.delete(node);
    }
  };

  test('is empty if and only if the graph can be put in order, and what it gives are cycles', () => {
    fc.assert(
      fc.property(graphs, (edges) => {
        const graph = new Map(Object.entries(edges));
        const cycles = findCycles(graph);
        expect(cycles.length === 0).toBe(canBeOrdered(graph));
        for (const cycle of cycles) {
          cycle.forEach((node, i) => {
            expect(graph.get(node)).toContain(cycle[(i + 1) % cycle.length]);
          });
        }
      }),
    );
  });
});

test.each([
  ['500m', 0.5],
  ['2', 2],
  ['1.5', 1.5],
  ['1Ki', 1024],
  ['2Gi', 2_147_483_648],
  ['1G', 1e9],
  ['x', Number.NaN],
  ['1X', Number.NaN],
])('the quantity %s is %p', (text, value) => {
  expect(parseQuantity(text)).toBe(value);
});

test.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['localhost', true],
  ['::1', true],
  ['0:0:0:0:0:0:0:1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['::2', false],
  ['fe80::1', false],
  ['127.0.0.1.example.com', false],
])('%s is loopback: %p', (address, expected) => {
  expect(isLoopback(address)).toBe(expected);
});

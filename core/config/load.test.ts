import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ConfigError, loadConfig } from './load.ts';

const SPECIFIED_CONFIG = `
orchestration:
  router:
    max_concurrent_requests: 1000
    request_timeout: 30.0
    classification:
      confidence_threshold: 0.8
  
  communication:
    protocols:
      http: { enabled: true, timeout: 30.0 }
      websocket: { enabled: true }
      message_broker: { enabled: true, type: "redis" }
  
  dynamic_loading:
    strategy: "on_demand"
    auto_load_threshold: 10
    kubernetes:
      namespace: "frontier-modules"
  
  fallback:
    circuit_breaker: { failure_threshold: 5 }
    health_monitoring: { min_success_rate: 0.8 }
`;
const SPECIFIED_MODULE = `
module_id: "business-operations"
image: "frontier/business-module:1.0.0"
resource_requirements:
  requests: { cpu: "2000m", memory: "8Gi", gpu: "1" }
  limits: { cpu: "4000m", memory: "16Gi", gpu: "1" }
scaling:
  min_replicas: 1
  max_replicas: 5
  target_cpu_utilization: 70
dependencies: ["foundation"]
`;
const FOUNDATION = 'module_id: foundation\nworkload: { command: [serve] }\n';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'frontier-config-'));
  path = join(folder, 'orchestration-config.yaml');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Writes files below the folder; the configuration itself is empty unless it is among them. */
function write(files: Record<string, string | Uint8Array>): void {
  for (const [name, content] of Object.entries({ 'orchestration-config.yaml': '', ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** Gives the faults as lines without the folder's name. */
function faultsOf(env: Record<string, string> = {}): string[] {
  try {
    loadConfig({ path, env });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.reason).toBe('CONFIG_INVALID');
    return error.message.replaceAll(`${folder}/`, '').split('\n').slice(1);
  }
  return [];
}

describe('the specification', () => {
  test('its two files load as they are written, with a warning for each thing that is not built', () => {
    write({
      'orchestration-config.yaml': SPECIFIED_CONFIG,
      'modules/business-operations.yaml': SPECIFIED_MODULE,
      'modules/foundation.yaml': FOUNDATION,
    });
    const config = loadConfig({ path });
    expect(config.orchestration.router.max_concurrent_requests).toBe(1000);
    expect(config.modules.map((module) => module.module_id)).toEqual(['business-operations', 'foundation']);
    expect(config.modules[0]!.resource_requirements.limits).toEqual({ cpu: '4000m', memory: '16Gi', gpu: '1' });
    const warned = config.warnings.map((text) =>
      text
        .slice(folder.length + 1)
        .split(': ')
        .slice(0, 2)
        .join(' '),
    );
    expect(warned).toEqual([
      'orchestration-config.yaml:12:20 orchestration.communication.protocols.websocket.enabled',
      'orchestration-config.yaml:13:25 orchestration.communication.protocols.message_broker.enabled',
      'orchestration-config.yaml:19:7 orchestration.dynamic_loading.kubernetes.namespace',
      'modules/business-operations.yaml:3:1 image',
      'modules/business-operations.yaml:4:1 resource_requirements',
      'modules/business-operations.yaml:10:3 scaling.target_cpu_utilization',
    ]);
  });

  test('a module of the product that leaves its classes out answers the one that the specification gives it', () => {
    write({ 'modules/b.yaml': SPECIFIED_MODULE, 'modules/f.yaml': FOUNDATION });
    const classes = loadConfig({ path }).modules.map((module) => module.query_classes);
    expect(classes).toEqual([['BUSINESS_ANALYSIS'], ['GENERAL']]);
  });
});

describe('where the configuration comes from', () => {
  test('an empty file gives every default, and paths are taken from its folder', () => {
    write({});
    const config = loadConfig({ path });
    expect(config.orchestration.network.ports.edge).toBe(8000);
    expect(config.dataDir).toBe(join(folder, '.frontier'));
    expect(config.sources).toEqual([path]);
  });

  test('a file that was named and is absent is a fault', () => {
    expect(faultsOf()).toEqual(['orchestration-config.yaml:1:1: there is no such file']);
  });

  test('without a name and a file the built-in defaults are used', () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      expect(loadConfig()).toMatchObject({ sources: [], warnings: [], modules: [] });
    } finally {
      process.chdir(before);
    }
  });

  test('only .yaml files at the top of modules/ are module specs', () => {
    write({
      'modules/foundation.yaml': FOUNDATION,
      'modules/README.md': 'not a spec',
      'modules/.hidden.yaml': 'a: [',
      'modules/template/other.yaml': 'a: [',
    });
    expect(loadConfig({ path }).sources).toEqual([path, join(folder, 'modules', 'foundation.yaml')]);
  });

  test('what it gives is frozen all the way down', () => {
    write({ 'modules/foundation.yaml': FOUNDATION });
    const config = loadConfig({ path });
    expect(Object.isFrozen(config.modules[0]!.workload!.command)).toBe(true);
    expect(Object.isFrozen(config.orchestration.network.ports)).toBe(true);
  });
});

describe('faults', () => {
  test('all faults of all files and of the environment come at once, each with its place', () => {
    write({
      'orchestration-config.yaml': [
        'orchestration:',
        '  router:',
        '    max_concurent_requests: 10',
        '    request_timeout: -1',
        '    strategy: sequentil',
        '  network:',
        '  security: { api_keys: [{ id: a }] }',
      ].join('\n'),
      'modules/a.yaml': 'module_id: A b\nadapter: { type: htp }\nscaling: [1]\n',
      'modules/b.yaml': 'module_id: "unclosed\n',
      'modules/c.yaml': Uint8Array.of(0x61, 0xff),
      'modules/d.yml': FOUNDATION,
      'modules/e.yaml': 'module_id: e\nworkload: { command: [x] }\nidle_timeout: 1\nidle_timeout: 2\n',
    });
    expect(faultsOf({ FRONTIER_NETWROK__PORTS__EDGE: '1', FRONTIER_MESH__MODE: 'evnoy' })).toEqual([
      'modules/a.yaml:1:1: module_id: must be a DNS label: lower-case letters, digits and hyphens, at most 63',
      'modules/a.yaml:2:12: adapter.type: must be one of grpc, openai',
      'modules/a.yaml:3:1: scaling: must be a mapping, not a list',
      'modules/b.yaml:2:1: missing closing "quote',
      'modules/c.yaml:1:1: is not UTF-8 text',
      'modules/d.yml:1:1: is not read: a module spec must be named <module id>.yaml',
      'modules/e.yaml:4:1: the key stands here a second time',
      'orchestration-config.yaml:3:5: orchestration.router.max_concurent_requests: is not a known key; did you mean "max_concurrent_requests"?',
      'orchestration-config.yaml:4:5: orchestration.router.request_timeout: must be more than 0',
      'orchestration-config.yaml:5:5: orchestration.router.strategy: must be one of sequential, parallel, hedged, weighted_round_robin, adaptive; did you mean "sequential"?',
      'orchestration-config.yaml:6:3: orchestration.network: is empty; give it a value or leave the key out',
      'orchestration-config.yaml:7:26: orchestration.security.api_keys[0].hash: is required (a text)',
      'FRONTIER_MESH__MODE:1:1: orchestration.mesh.mode: must be one of envoy, proxyless, istio; did you mean "envoy"?',
      'FRONTIER_NETWROK__PORTS__EDGE:1:1: names no key of the configuration; did you mean "FRONTIER_NETWORK__PORTS__EDGE"?',
    ]);
  });

  test('faults between files name the file and line at which to mend them', () => {
    write({
      'modules/a.yaml': 'module_id: foundation\nworkload: { command: [x] }\nfallbacks:\n  - foundtion\n',
      'modules/b.yaml': 'module_id: foundation\nworkload: { command: [x] }\n',
    });
    expect(faultsOf()).toEqual([
      'modules/a.yaml:4:5: fallbacks[0]: "foundtion" is not the id of a module; did you mean "foundation"?',
      'modules/b.yaml:1:1: module_id: "foundation" is already the id of another module',
    ]);
  });

  test('a value is never quoted, since it may be a secret', () => {
    write({ 'orchestration-config.yaml': 'orchestration: { security: { api_keys: [{ id: a, hash: hunter2 }] } }' });
    expect(faultsOf({ FRONTIER_SECURITY__API_KEYS: '[{ id: a, hash: hunter2' }).join()).not.toContain('hunter2');
    expect(faultsOf().join()).toContain('api_keys[0].hash: must be "sha256:"');
    expect(faultsOf().join()).not.toContain('hunter2');
  });

  test('an alias that expands without end is a fault, not a hang', () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) => `l${i + 1}: &l${i + 1} [${Array(10).fill(`*l${i}`).join(',')}]`,
    );
    write({ 'orchestration-config.yaml': ['l0: &l0 [x]', ...levels].join('\n') });
    expect(faultsOf()).toHaveLength(1);
  });

  test('any bytes give a configuration or a ConfigError', () => {
    const texts = fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.string({ unit: 'binary' }), fc.json());
    fc.assert(
      fc.property(texts, texts, (main, module) => {
        write({ 'orchestration-config.yaml': main, 'modules/m.yaml': module });
        faultsOf();
      }),
      { numRuns: 200 },
    );
  });
});

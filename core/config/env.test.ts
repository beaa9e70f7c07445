import { describe, expect, test } from '@jest/globals';
import { applyOverrides, OPERATIONAL_VARIABLES, overridablePaths, readOverrides, variableOf } from './env.ts';

describe('readOverrides', () => {
  test.each([
    ['FRONTIER_NETWORK__PORTS__EDGE', '9000', ['network', 'ports', 'edge'], 9000],
    ['FRONTIER_STORAGE__DATA_DIR', '/var/lib/frontier', ['storage', 'data_dir'], '/var/lib/frontier'],
    [
      'FRONTIER_COMMUNICATION__PROTOCOLS__HTTP__ENABLED',
      'false',
      ['communication', 'protocols', 'http', 'enabled'],
      false,
    ],
    ['FRONTIER_NETWORK__CORS_ORIGINS', '[a, b]', ['network', 'cors_origins'], ['a', 'b']],
    ['FRONTIER_NETWORK__PORTS', '{ edge: 1 }', ['network', 'ports'], { edge: 1 }],
    [
      'FRONTIER_SECURITY__ROLES__VIEWER__PERMISSIONS',
      '[route]',
      ['security', 'roles', 'viewer', 'permissions'],
      ['route'],
    ],
  ])('%s=%s', (variable, text, path, value) => {
    expect(readOverrides({ [variable]: text })).toEqual({
      overrides: [{ variable, path: ['orchestration', ...path], value }],
      faults: [],
    });
  });

  test.each([
    [
      'FRONTIER_NETWORK__PORTS__EGDE',
      '1',
      'names no key of the configuration; did you mean "FRONTIER_NETWORK__PORTS__EDGE"?',
    ],
    [
      'FRONTIER_NETWORK_PORTS_EDGE',
      '1',
      'names no key of the configuration; did you mean "FRONTIER_NETWORK__PORTS__EDGE"?',
    ],
    ['FRONTIER_JOIN_TOKN', 'x', 'names no key of the configuration; did you mean "FRONTIER_JOIN_TOKEN"?'],
    ['FRONTIER_WITH_NOTHING_NEAR', 'x', 'names no key of the configuration'],
    ['FRONTIER_SECURITY__ROLES____PROTO____MODULES', '[a]', 'names no key of the configuration'],
    ['FRONTIER_MESH__MODE', '', 'is empty; unset it or give it a value'],
  ])('%s=%s is a fault that names the variable', (variable, text, message) => {
    expect(readOverrides({ [variable]: text })).toEqual({
      overrides: [],
      faults: [{ file: variable, line: 1, column: 1, path: '', message }],
    });
  });

  test('what is not YAML is a fault', () => {
    expect(readOverrides({ FRONTIER_NETWORK__CORS_ORIGINS: '[a' }).faults[0]!.message).toMatch(/^is not YAML: /);
  });

  test('variables that are not configuration are let through', () => {
    const names = [...Object.keys(OPERATIONAL_VARIABLES), 'FRONTIER_TEST_ANYTHING', 'PATH', 'MY_FRONTIER_X'];
    expect(readOverrides(Object.fromEntries(names.map((name) => [name, 'x'])))).toEqual({ overrides: [], faults: [] });
  });

  test('every key has a variable of its own, which is read as that key', () => {
    const paths = overridablePaths();
    expect(new Set(paths.map(variableOf)).size).toBe(paths.length);
    for (const path of paths) {
      expect(readOverrides({ [variableOf(path)]: '1' }).overrides[0]!.path).toEqual(['orchestration', ...path]);
    }
  });
});

describe('applyOverrides', () => {
  const ports = { variable: 'A', path: ['orchestration', 'network', 'ports'], value: { edge: 1, mesh: 2 } };
  const edge = { variable: 'B', path: ['orchestration', 'network', 'ports', 'edge'], value: 3 };

  test('makes what is absent, keeps what stands beside and leaves the original as it was', () => {
    const original = { orchestration: { mesh: { mode: 'envoy' } } };
    expect(applyOverrides(original, [edge])).toEqual({
      orchestration: { mesh: { mode: 'envoy' }, network: { ports: { edge: 3 } } },
    });
    expect(original).toEqual({ orchestration: { mesh: { mode: 'envoy' } } });
  });

  test('the inner of two keys wins, whichever is read first', () => {
    const { overrides } = readOverrides({
      FRONTIER_NETWORK__PORTS__EDGE: '3',
      FRONTIER_NETWORK__PORTS: '{ edge: 1, mesh: 2 }',
    });
    expect(applyOverrides({}, overrides)).toEqual(applyOverrides({}, [ports, edge]));
    expect(applyOverrides({}, overrides)).toEqual({ orchestration: { network: { ports: { edge: 3, mesh: 2 } } } });
  });

  test('a file that has a scalar where the mapping belongs keeps it, so that it is reported', () => {
    expect(applyOverrides({ orchestration: { network: 3 } }, [edge])).toEqual({ orchestration: { network: 3 } });
  });
});

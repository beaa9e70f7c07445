import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { checkAuthority } from './check-authority.ts';
import { moduleSpecSchema, orchestrationFileSchema } from './schema.ts';
import { validate } from './validate.ts';

function findings(mesh: string): string[] {
  const raw = { orchestration: { mesh: parse(mesh) as object } };
  return checkAuthority(orchestrationFileSchema.parse(raw).orchestration, raw).map(
    ({ path, message }) => `${path.slice(3).join('.')}: ${message}`,
  );
}

test.each<[string, string]>([
  [
    'authority: { kubernetes: { namespace: mesh } }',
    'kubernetes.namespace: has no effect: mesh.authority.root is "file"',
  ],
  [
    'authority: { kubernetes: { kubeconfig: k } }',
    'kubernetes.kubeconfig: has no effect: mesh.authority.root is "file"',
  ],
  [
    'authority: { intermediate: { cert_file: a.pem } }',
    'intermediate.cert_file: is given without mesh.authority.intermediate.key_file: give both, or neither',
  ],
  [
    'authority: { intermediate: { key_file: a.key } }',
    'intermediate.key_file: is given without mesh.authority.intermediate.cert_file: give both, or neither',
  ],
  [
    'authority: { intermediate: { cert_file: a.pem, key_file: a.key, lifetime: 9000000 } }',
    'intermediate.lifetime: has no effect: the intermediate is given by cert_file and key_file',
  ],
  [
    '{ certificate_lifetime: 60, authority: { intermediate: { lifetime: 239 } } }',
    'intermediate.lifetime: is 239, but must be at least 4 times mesh.certificate_lifetime: 240',
  ],
])('%s is a fault', (mesh, fault) => {
  expect(findings(mesh)).toEqual([fault]);
});

test.each([
  '{}',
  'authority: { intermediate: {} }',
  'authority: { intermediate: { cert_file: a.pem, key_file: a.key } }',
  'authority: { root: kubernetes, kubernetes: { namespace: mesh, secret: my.root, kubeconfig: k } }',
  '{ certificate_lifetime: 60, authority: { intermediate: { lifetime: 240 } } }',
])('%s is fine', (mesh) => {
  expect(findings(mesh)).toEqual([]);
});

test('a value that is one of two kinds says which', () => {
  const module = (primary_zones: unknown): unknown => ({ module_id: 'a', load_balancing: { primary_zones } });
  for (const value of ['near', 3, ['a', 2]]) {
    expect(validate(moduleSpecSchema, module(value))).toMatchObject({
      findings: [{ path: ['load_balancing', 'primary_zones'], message: 'must be "local" or a list of zones' }],
    });
  }
});

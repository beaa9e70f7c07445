import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { checkEdge } from './check-edge.ts';
import { orchestrationFileSchema } from './schema.ts';

function findings(mesh: string): string[] {
  const raw = { orchestration: { mesh: parse(mesh) as object } };
  return checkEdge(orchestrationFileSchema.parse(raw).orchestration, raw).map(
    ({ path, message }) => `${path.slice(2).join('.')}: ${message}`,
  );
}

const KEYS = `jwks: '{"keys":[{"kty":"EC"}]}'`;

test.each<[string, string]>([
  ['edge: { jwt: { issuer: i } }', 'edge.jwt: has no keys to check tokens by: give jwks_file or jwks'],
  [
    `edge: { jwt: { issuer: i, jwks_file: /k, ${KEYS} } }`,
    'edge.jwt.jwks: has no effect beside jwks_file; keep one of the two',
  ],
  [
    `edge: { jwt: { issuer: i, jwks: '{}' } }`,
    'edge.jwt.jwks: must be a JSON Web Key Set: a JSON object with a list "keys" that is not empty',
  ],
  [
    'edge: { rbac: [{ name: a, claims: { role: [x] } }] }',
    'edge.rbac.0.claims: allows nobody: claims come from tokens, and mesh.edge.jwt is not set',
  ],
  ['edge: { rbac: [{ name: a }, { name: a }] }', 'edge.rbac.1.name: is the name of an earlier rule'],
  [
    'edge: { compression: { content_types: [text/event-stream] } }',
    'edge.compression.content_types.0: is streamed, which compression would hold up',
  ],
  [
    'edge: { compression: { algorithms: [gzip, gzip] } }',
    'edge.compression.algorithms.1: stands in the list a second time',
  ],
  [
    'edge: { access_log: { requests: none, file: /x } }',
    'edge.access_log.file: has no effect: mesh.edge.access_log.requests is none',
  ],
  [
    '{ mode: proxyless, fault_injection: true }',
    'fault_injection: has no effect: mesh.mode is proxyless, which runs no Envoy',
  ],
])('%s is a fault', (mesh, expected) => {
  expect(findings(mesh)).toEqual([expected]);
});

test('what has an effect is no fault', () => {
  expect(findings(`edge: { jwt: { issuer: i, ${KEYS} }, rbac: [{ name: a, claims: { role: [x] } }] }`)).toEqual([]);
  expect(findings('{}')).toEqual([]);
});

import { isSet } from './draft.ts';
import type { Orchestration } from './schema.ts';
import type { Finding } from './validate.ts';

const BELOW = ['orchestration', 'mesh', 'authority'];

/** An intermediate is renewed at half of its life, and what it signs is to live its whole life from then on. */
const LEAST_LIVES = 4;

/** Gives what is wrong with where the root is kept, and with the intermediate. */
export function checkAuthority({ mesh }: Orchestration, raw: unknown): Finding[] {
  const { root, intermediate } = mesh.authority;
  const idle = ['namespace', 'secret', 'kubeconfig']
    .map((key) => [...BELOW, 'kubernetes', key])
    .filter((path) => root === 'file' && isSet(raw, path))
    .map((path) => ({ path, message: 'has no effect: mesh.authority.root is "file"' }));
  return intermediate === undefined ? idle : [...idle, ...checkIntermediate(intermediate, mesh, raw)];
}

function checkIntermediate(
  { cert_file: cert, key_file: key, lifetime }: NonNullable<Orchestration['mesh']['authority']['intermediate']>,
  mesh: Orchestration['mesh'],
  raw: unknown,
): Finding[] {
  const at = (name: string, message: string): Finding => ({ path: [...BELOW, 'intermediate', name], message });
  if ((cert === undefined) !== (key === undefined)) {
    const [given, missing] = cert === undefined ? ['key_file', 'cert_file'] : ['cert_file', 'key_file'];
    return [at(given, `is given without mesh.authority.intermediate.${missing}: give both, or neither`)];
  }
  if (cert !== undefined) {
    const lifetimeSet = isSet(raw, [...BELOW, 'intermediate', 'lifetime']);
    return lifetimeSet ? [at('lifetime', 'has no effect: the intermediate is given by cert_file and key_file')] : [];
  }
  const least = LEAST_LIVES * mesh.certificate_lifetime;
  if (lifetime >= least) return [];
  return [
    at('lifetime', `is ${lifetime}, but must be at least ${LEAST_LIVES} times mesh.certificate_lifetime: ${least}`),
  ];
}

import { duplicateIndexes, isSet } from './draft.ts';
import type { Orchestration } from './schema.ts';
import type { Finding } from './validate.ts';

const EDGE = ['orchestration', 'mesh', 'edge'];
/** Kinds of answers that would not flow any more if Envoy gathered them to compress them. */
const STREAMED = /^(application\/grpc|text\/event-stream)/;

/** Gives what is wrong with what Envoy is asked to do at the edge: contradictions, and settings without effect. */
export function checkEdge({ mesh }: Orchestration, raw: unknown): Finding[] {
  const { edge } = mesh;
  return [
    ...checkMode(mesh, raw),
    ...checkJwt(edge),
    ...checkRbac(edge),
    ...(edge.compression?.content_types ?? []).flatMap((type, index) =>
      STREAMED.test(type)
        ? [
            {
              path: [...EDGE, 'compression', 'content_types', index],
              message: 'is streamed, which compression would hold up',
            },
          ]
        : [],
    ),
    ...duplicateIndexes(edge.compression?.algorithms ?? []).map((index) => ({
      path: [...EDGE, 'compression', 'algorithms', index],
      message: 'stands in the list a second time',
    })),
    ...(edge.access_log.requests === 'none' && edge.access_log.file !== undefined
      ? [{ path: [...EDGE, 'access_log', 'file'], message: 'has no effect: mesh.edge.access_log.requests is none' }]
      : []),
  ];
}

/** These are Envoy's to do. */
function checkMode({ mode }: Orchestration['mesh'], raw: unknown): Finding[] {
  if (mode !== 'proxyless') return [];
  return [EDGE, ['orchestration', 'mesh', 'fault_injection']]
    .filter((path) => isSet(raw, path))
    .map((path) => ({ path, message: 'has no effect: mesh.mode is proxyless, which runs no Envoy' }));
}

function checkJwt({ jwt }: Orchestration['mesh']['edge']): Finding[] {
  if (jwt === undefined) return [];
  const path = [...EDGE, 'jwt'];
  if (jwt.jwks === undefined && jwt.jwks_file === undefined) {
    return [{ path, message: 'has no keys to check tokens by: give jwks_file or jwks' }];
  }
  if (jwt.jwks !== undefined && jwt.jwks_file !== undefined) {
    return [{ path: [...path, 'jwks'], message: 'has no effect beside jwks_file; keep one of the two' }];
  }
  return jwt.jwks === undefined || isKeySet(jwt.jwks)
    ? []
    : [
        {
          path: [...path, 'jwks'],
          message: 'must be a JSON Web Key Set: a JSON object with a list "keys" that is not empty',
        },
      ];
}

function isKeySet(text: string): boolean {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown };
    return Array.isArray(keys) && keys.length > 0;
  } catch {
    return false;
  }
}

function checkRbac({ rbac, jwt }: Orchestration['mesh']['edge']): Finding[] {
  return rbac
    .flatMap(({ claims }, index) =>
      jwt === undefined && Object.keys(claims).length > 0
        ? [
            {
              path: [...EDGE, 'rbac', index, 'claims'],
              message: 'allows nobody: claims come from tokens, and mesh.edge.jwt is not set',
            },
          ]
        : [],
    )
    .concat(
      duplicateIndexes(rbac.map(({ name }) => name)).map((index) => ({
        path: [...EDGE, 'rbac', index, 'name'],
        message: 'is the name of an earlier rule',
      })),
    );
}

import { FrontierError } from '../../core/errors.ts';
import type { CallContext } from '../../core/grpc/handlers.ts';
import { requirePeer } from '../../core/identity/credentials.ts';
import { parseSpiffeId, spiffeId } from '../../core/identity/spiffe.ts';
import type { SpiffeName } from '../../core/identity/spiffe.ts';
import type { ViewKind } from '../resources/content.ts';

/** Who is on the other end of a stream, and what it is served. */
export interface StreamPeer {
  readonly kind: ViewKind | 'sidecar';
  /** Empty on the local socket. */
  readonly spiffeId: string;
}

/** Says who a caller is, from what it has proved and the node id that it gives. Throws when it may not be served. */
export type IdentifyPeer = (call: CallContext, nodeId: string) => StreamPeer;

/**
 * Over TLS: an Envoy gets its own view and secrets, and only under its own node id; the router gets the proxyless view; a module's
 * sidecar, as module/<id> or module/<id>/<replica>, its own server listeners.
 */
export function identifyByCertificate(trustDomain: string, namespace: string): IdentifyPeer {
  const mesh = { trustDomain, namespace };
  const router = spiffeId({ ...mesh, kind: 'service', name: 'router' });
  const anyOf = (kind: SpiffeName['kind']): string => spiffeId({ ...mesh, kind, name: '*' });
  return (call, nodeId) => {
    requirePeer(call, [anyOf('gateway'), anyOf('module'), router]);
    const peer = call.peerSpiffeId ?? '';
    if (peer === router) return { kind: 'proxyless', spiffeId: peer };
    const { kind, name } = parseSpiffeId(peer) ?? {};
    if (kind === 'module' && `${nodeId}/`.startsWith(`module/${name}/`)) return { kind: 'sidecar', spiffeId: peer };
    if (kind !== 'gateway' || name !== nodeId) {
      throw new FrontierError('PERMISSION_DENIED', `${peer} may not ask as node ${nodeId.slice(0, 128)}`);
    }
    return { kind: 'gateway', spiffeId: peer };
  };
}

/** On the Unix socket, which only the user who runs Frontier can open: the proxyless view, which holds no secrets. */
export const identifyLocal: IdentifyPeer = () => ({ kind: 'proxyless', spiffeId: '' });

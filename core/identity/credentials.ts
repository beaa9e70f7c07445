import { experimental } from '@grpc/grpc-js';
import type { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import type { CallContext } from '../grpc/handlers.ts';
import { FrontierError } from '../errors.ts';
import type { IdentityMaterial } from './identity-files.ts';
import { matchesAny, spiffeIdOfCertificate } from './spiffe.ts';

/** Where credentials come from: the present material, and each new one. */
export interface IdentitySource {
  current(): IdentityMaterial;
  /** Calls back at each renewal; the returned function ends it. */
  onChange(listener: (material: IdentityMaterial) => void): () => void;
}

/** Gives server credentials that follow renewals. Clients must show a certificate, unless `clientCertificate` is optional. */
export function serverCredentials(
  identity: IdentitySource,
  { clientCertificate = 'required' }: { clientCertificate?: 'required' | 'optional' } = {},
): ServerCredentials {
  const provider = createProvider(identity);
  return experimental.createCertificateProviderServerCredentials(provider, provider, clientCertificate === 'required');
}

/**
 * Gives channel credentials that follow renewals and take only servers whose SPIFFE id is among `expect` (a trailing
 * "*" stands for anything). With `present: false` no client certificate is shown.
 */
export function channelCredentials(
  identity: IdentitySource,
  { expect, present = true }: { expect: readonly string[]; present?: boolean },
): ChannelCredentials {
  const provider = createProvider(identity);
  return experimental.createCertificateProviderChannelCredentials(provider, present ? provider : null, {
    checkServerIdentity: (_host, certificate) => {
      const id = spiffeIdOfCertificate(certificate);
      if (id !== undefined && matchesAny(id, expect)) return undefined;
      return new Error(`the server is ${id ?? 'nameless'}, expected ${expect.join(' or ')}`);
    },
  });
}

/** Throws UNAUTHENTICATED or PERMISSION_DENIED unless the caller's SPIFFE id is among the patterns. */
export function requirePeer(call: Pick<CallContext, 'peerSpiffeId'>, patterns: readonly string[]): void {
  const id = call.peerSpiffeId;
  if (id === undefined) {
    throw new FrontierError('UNAUTHENTICATED', 'show a client certificate from this mesh');
  }
  if (!matchesAny(id, patterns)) {
    throw new FrontierError('PERMISSION_DENIED', `${id} may not call this service`, { metadata: { peer: id } });
  }
}

/** Gives grpc-js the identity in the form of its certificate providers (gRFC A29). */
function createProvider(identity: IdentitySource): experimental.CertificateProvider {
  const ends = new Map<unknown, () => void>();
  const follow = (key: unknown, push: (material: IdentityMaterial) => void): void => {
    ends.set(key, identity.onChange(push));
    // Not at once: grpc-js registers its listener before it is ready to be called.
    process.nextTick(() => {
      if (ends.has(key)) push(identity.current());
    });
  };
  const forget = (key: unknown): void => {
    ends.get(key)?.();
    ends.delete(key);
  };
  return {
    addCaCertificateListener: (listener) => {
      follow(listener, ({ bundlePem }) => {
        listener({ caCertificate: Buffer.from(bundlePem) });
      });
    },
    removeCaCertificateListener: forget,
    addIdentityCertificateListener: (listener) => {
      follow(listener, ({ certPem, keyPem }) => {
        listener({ certificate: Buffer.from(certPem), privateKey: Buffer.from(keyPem) });
      });
    },
    removeIdentityCertificateListener: forget,
  };
}

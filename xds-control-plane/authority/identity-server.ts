import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { IssueCertificateRequest, IssueCertificateResponse } from '../../gen/frontier/mesh/v1/identity.ts';
import type { Clock } from '../../core/clock.ts';
import { FrontierError } from '../../core/errors.ts';
import { unary } from '../../core/grpc/handlers.ts';
import type { CallContext } from '../../core/grpc/handlers.ts';
import { verifyJoinToken } from '../../core/identity/join-token.ts';
import type { Logger } from '../../core/logging.ts';
import type { Authority } from './authority.ts';

const BEARER = /^Bearer\s+(\S+)$/i;

export interface IdentityServiceOptions {
  readonly authority: Authority;
  readonly joinKey: Uint8Array;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onIssued?: () => void;
}

/** Gives the handlers of IdentityService. */
export function createIdentityService(options: IdentityServiceOptions): UntypedServiceImplementation {
  const { authority, clock, log } = options;
  return {
    issueCertificate: unary<IssueCertificateRequest, IssueCertificateResponse>(async ({ csrPem, spiffeId }, call) => {
      const proven = await provenId(call, options);
      if (proven !== spiffeId) {
        throw new FrontierError('PERMISSION_DENIED', `${proven} may not ask for another's certificate`);
      }
      const issued = await authority.issue(csrPem, spiffeId, clock.nowMs());
      log.info({ event: 'certificate_issued', spiffeId, expires: new Date(issued.expiresAtMs).toISOString() });
      options.onIssued?.();
      return {
        certificateChainPem: issued.chainPem,
        trustBundlePem: issued.bundlePem,
        expireTime: new Date(issued.expiresAtMs),
        renewTime: new Date(issued.renewAtMs),
      };
    }),
  };
}

/** The join token counts where there is one; otherwise the certificate that TLS has verified. */
async function provenId(call: CallContext, { joinKey, clock }: IdentityServiceOptions): Promise<string> {
  const authorization = call.metadata.get('authorization')[0];
  if (authorization !== undefined) {
    const token = BEARER.exec(authorization.toString())?.[1];
    if (token === undefined) throw new FrontierError('UNAUTHENTICATED', 'authorization must be "Bearer <join token>"');
    return verifyJoinToken(joinKey, token, clock.nowMs());
  }
  if (call.peerSpiffeId !== undefined) return call.peerSpiffeId;
  throw new FrontierError('UNAUTHENTICATED', 'show a join token or a client certificate from this mesh');
}

import { Metadata } from '@grpc/grpc-js';
import { IdentityServiceClient } from '../../gen/frontier/mesh/v1/identity.ts';
import type { Clock } from '../clock.ts';
import { FrontierError } from '../errors.ts';
import { meshClientOptions, unaryCall } from '../grpc/channel.ts';
import { channelCredentials } from './credentials.ts';
import type { IdentitySource } from './credentials.ts';
import type { IdentityMaterial } from './identity-files.ts';
import { createCertificateRequest } from './key-pair.ts';

export interface IssueOptions {
  /** SPIFFE id wanted. */
  readonly spiffeId: string;
  /** Control plane, as host:port. */
  readonly controlPlaneAddress: string;
  /** SPIFFE id that the control plane must show. */
  readonly controlPlaneId: string;
  /** Roots to check the control plane by, and the present certificate if `joinToken` is undefined. */
  readonly identity: IdentitySource;
  /** Proof for the first certificate; later ones are asked for with the present one. */
  readonly joinToken?: string | undefined;
  /** How long the authority may take, in milliseconds; the key is made before that. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

export interface IssuedIdentity {
  readonly material: IdentityMaterial;
  /** When to ask for the next one, in milliseconds since the epoch. */
  readonly renewAtMs: number;
  readonly expiresAtMs: number;
}

/** Asks the mesh's authority for a certificate over a fresh key. Throws the authority's refusal. */
export async function issueCertificate(options: IssueOptions): Promise<IssuedIdentity> {
  const { spiffeId, joinToken } = options;
  const { csrPem, keyPem } = await createCertificateRequest(spiffeId);
  const credentials = channelCredentials(options.identity, {
    expect: [options.controlPlaneId],
    present: joinToken === undefined,
  });
  const client = new IdentityServiceClient(options.controlPlaneAddress, credentials, meshClientOptions());
  const metadata = new Metadata();
  if (joinToken !== undefined) metadata.set('authorization', `Bearer ${joinToken}`);
  try {
    const response = await unaryCall(
      client.issueCertificate.bind(client),
      { csrPem, spiffeId },
      {
        metadata,
        deadlineMs: options.clock.nowMs() + options.timeoutMs,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
    );
    if (response.expireTime === undefined || response.renewTime === undefined) {
      throw new FrontierError('CERTIFICATE_INVALID', 'the authority sent a certificate without its times');
    }
    return {
      material: { certPem: response.certificateChainPem, keyPem, bundlePem: response.trustBundlePem },
      renewAtMs: response.renewTime.getTime(),
      expiresAtMs: response.expireTime.getTime(),
    };
  } finally {
    client.close();
  }
}

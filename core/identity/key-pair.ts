import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  PemConverter,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  URL as URI_NAME,
} from '@peculiar/x509';

/** ECDSA over P-256: what every TLS stack and SPIFFE implementation takes. */
export const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface CertificateRequest {
  /** PKCS #10 in PEM. */
  readonly csrPem: string;
  /** PKCS #8 in PEM. */
  readonly keyPem: string;
}

/** Gives a fresh key and a signing request for `spiffeId`. */
export async function createCertificateRequest(spiffeId: string): Promise<CertificateRequest> {
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
  const csr = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: KEY_ALGORITHM,
    extensions: [new SubjectAlternativeNameExtension([{ type: URI_NAME, value: spiffeId }])],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { csrPem: csr.toString('pem'), keyPem: PemConverter.encode(pkcs8, 'PRIVATE KEY') };
}

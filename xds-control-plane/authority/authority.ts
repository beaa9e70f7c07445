import 'reflect-metadata';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  DNS,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  IP,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  URL as URI_NAME,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Extension, JsonGeneralName, JsonGeneralNames, PublicKey } from '@peculiar/x509';
import { FrontierError } from '../../core/errors.ts';
import { KEY_ALGORITHM } from '../../core/identity/key-pair.ts';
import { parseSpiffeId } from '../../core/identity/spiffe.ts';
import { joined, newSerial } from './root.ts';
import type { Signer } from './signer.ts';

/** Clocks may differ by so much; a short-lived certificate is backdated by less, a tenth of its life. */
const LONGEST_BACKDATE_MS = 300_000;

export interface IssuedCertificate {
  /** The certificate, and after it whatever leads from it to a root. */
  readonly chainPem: string;
  readonly bundlePem: string;
  readonly expiresAtMs: number;
  /** Half of the life: the other half is left for retries. */
  readonly renewAtMs: number;
}

/** Signs certificates for the names of one mesh. */
export interface Authority {
  /**
   * Signs a certificate over the key of a signing request; nothing else in the request is read. Throws
   * CERTIFICATE_INVALID for a request that cannot be read, is not signed by its own key or has another kind of key than
   * P-256, PERMISSION_DENIED for a name outside of this mesh, SERVICE_UNAVAILABLE when
   * what signs has expired. `hosts` are addresses and DNS names that the certificate is for besides
   * (X509-SVID section 2 allows them); never what a caller asks for.
   */
  issue(csrPem: string, spiffeId: string, nowMs: number, hosts?: readonly string[]): Promise<IssuedCertificate>;
  readonly bundlePem: string;
  readonly rootExpiresAtMs: number;
}

export interface AuthorityOptions {
  /** Gives what signs now. */
  readonly signer: () => Signer;
  readonly trustDomain: string;
  readonly namespace: string;
  readonly lifetimeMs: number;
}

/** Gives an authority that signs with what signs at the moment. */
export function createAuthority(options: AuthorityOptions): Authority {
  const { trustDomain, namespace, lifetimeMs } = options;
  return {
    get bundlePem() {
      return options.signer().bundlePem;
    },
    get rootExpiresAtMs() {
      return options.signer().rootExpiresAtMs;
    },
    issue: async (csrPem, spiffeId, nowMs, hosts = []) => {
      assertOurName(spiffeId, trustDomain, namespace);
      const publicKey = await requestedKey(csrPem);
      const signer = options.signer();
      const expiresAtMs = Math.min(nowMs + lifetimeMs, signer.expiresAtMs);
      if (expiresAtMs <= nowMs) {
        throw new FrontierError(
          'SERVICE_UNAVAILABLE',
          'what signs in this mesh has expired: renew the intermediate, or the root',
        );
      }
      const backdateMs = Math.min(LONGEST_BACKDATE_MS, lifetimeMs / 10);
      const certificate = await X509CertificateGenerator.create({
        serialNumber: newSerial(),
        subject: 'O=Frontier',
        issuer: signer.certificate.subject,
        notBefore: new Date(nowMs - backdateMs),
        notAfter: new Date(expiresAtMs),
        publicKey,
        signingKey: signer.privateKey,
        signingAlgorithm: KEY_ALGORITHM,
        extensions: await leafExtensions([spiffeName(spiffeId), ...hosts.map(hostName)], publicKey, signer),
      });
      const chainPem = joined([certificate.toString('pem'), ...(signer.chainPem === '' ? [] : [signer.chainPem])]);
      return { chainPem, bundlePem: signer.bundlePem, expiresAtMs, renewAtMs: nowMs + (expiresAtMs - nowMs) / 2 };
    },
  };
}

/** X509-SVID: one URI name, no CA, for both ends of TLS. */
async function leafExtensions(names: JsonGeneralNames, publicKey: PublicKey, signer: Signer): Promise<Extension[]> {
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
    new SubjectAlternativeNameExtension(names),
    await SubjectKeyIdentifierExtension.create(publicKey),
    await AuthorityKeyIdentifierExtension.create(signer.certificate),
  ];
}

function spiffeName(spiffeId: string): JsonGeneralName {
  return { type: URI_NAME, value: spiffeId };
}

function hostName(host: string): JsonGeneralName {
  return { type: isIP(host) === 0 ? DNS : IP, value: host };
}

function assertOurName(spiffeId: string, trustDomain: string, namespace: string): void {
  const name = parseSpiffeId(spiffeId);
  if (name?.trustDomain === trustDomain && name.namespace === namespace) return;
  throw new FrontierError(
    'PERMISSION_DENIED',
    `this authority signs for spiffe://${trustDomain}/ns/${namespace}/ only`,
    {
      metadata: { spiffe_id: spiffeId.slice(0, 256) },
    },
  );
}

/** The request's signature proves that the asker holds the key. */
async function requestedKey(csrPem: string): Promise<PublicKey> {
  const request = await readRequest(csrPem);
  const { name, namedCurve } = request.publicKey.algorithm as { name: string; namedCurve?: string };
  if (name !== KEY_ALGORITHM.name || namedCurve !== KEY_ALGORITHM.namedCurve) {
    throw new FrontierError('CERTIFICATE_INVALID', 'csr_pem must be over a P-256 key');
  }
  return request.publicKey;
}

async function readRequest(csrPem: string): Promise<Pkcs10CertificateRequest> {
  try {
    const request = new Pkcs10CertificateRequest(csrPem);
    if (await request.verify()) return request;
  } catch (error) {
    throw new FrontierError('CERTIFICATE_INVALID', 'csr_pem cannot be read', { cause: error });
  }
  throw new FrontierError('CERTIFICATE_INVALID', 'csr_pem is not signed by its own key');
}

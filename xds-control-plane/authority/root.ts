import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto, X509Certificate as NodeCertificate } from 'node:crypto';
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  URL as URI_NAME,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Extension } from '@peculiar/x509';
import { FrontierError } from '../../core/errors.ts';
import { KEY_ALGORITHM } from '../../core/identity/key-pair.ts';
import type { PemPair } from './root-state.ts';

const TEN_YEARS_MS = 10 * 365 * 86_400_000;
/** Clocks of the mesh's machines may differ by so much. */
const BACKDATE_MS = 3_600_000;

/**
 * Makes a root. Its name is its own, so that nobody mixes it up with another of the same mesh. `pathLength` authorities may stand
 * below it: one, the intermediate.
 */
export async function createRoot(trustDomain: string, nowMs: number, pathLength = 1): Promise<PemPair> {
  const serialNumber = newSerial();
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber,
    name: `O=Frontier, CN=${trustDomain} root ${serialNumber.slice(0, 8)}`,
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + TEN_YEARS_MS),
    keys,
    signingAlgorithm: KEY_ALGORITHM,
    extensions: [
      ...authorityExtensions(trustDomain, pathLength),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: certificate.toString('pem'), keyPem: await keyPemOf(keys.privateKey) };
}

/** Extensions of whatever signs: it is an authority, and goes by the trust domain's own name (X509-SVID section 3.1). */
export function authorityExtensions(trustDomain: string, pathLength: number): Extension[] {
  return [
    new BasicConstraintsExtension(true, pathLength, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    new SubjectAlternativeNameExtension([{ type: URI_NAME, value: trustDomainId(trustDomain) }]),
  ];
}

/** Gives the SPIFFE id of a trust domain itself. */
export function trustDomainId(trustDomain: string): string {
  return `spiffe://${trustDomain}`;
}

/** Gives a key in PKCS #8. */
export async function keyPemOf(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

/** Gives a serial number that is positive and cannot be guessed (RFC 5280, CA/B baseline: at least 64 random bits). */
export function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** Gives the certificates in a text; the text itself where there is none, for the check that follows to complain of. */
export function certificatesIn(text: string): readonly [string, ...string[]] {
  const [first, ...rest] = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? [];
  return first === undefined ? [text] : [first, ...rest];
}

/** Gives certificates as one text. */
export function joined(pems: readonly string[]): string {
  return pems.map((pem) => `${pem.trim()}\n`).join('');
}

/** Tells whether a certificate is over a key; false for texts that are neither. */
export function isPair({ certPem, keyPem }: PemPair): boolean {
  try {
    return new NodeCertificate(certPem).checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return false;
  }
}

/** Gives a key to sign with. Throws CONFIG_INVALID for another kind than P-256. */
export async function signingKey(keyPem: string, where: string): Promise<webcrypto.CryptoKey> {
  const key = createPrivateKey(keyPem);
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new FrontierError(
      'CONFIG_INVALID',
      `${where} is not a P-256 key: make one with "openssl ecparam -name prime256v1"`,
    );
  }
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', pkcs8, KEY_ALGORITHM, false, ['sign']);
}

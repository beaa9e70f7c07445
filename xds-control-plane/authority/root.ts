import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto, X509Certificate as NodeCertificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  URL as URI_NAME,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { FrontierError } from '../../core/errors.ts';
import { KEY_ALGORITHM } from '../../core/identity/key-pair.ts';

const TEN_YEARS_MS = 10 * 365 * 86_400_000;
/** Clocks of the mesh's machines may differ by so much. */
const BACKDATE_MS = 3_600_000;

/** The mesh's root: what every certificate is signed with. */
export interface Root {
  readonly certPem: string;
  /** All roots that are trusted, this one first; others only while one takes the other's place. */
  readonly bundlePem: string;
  readonly certificate: X509Certificate;
  readonly privateKey: webcrypto.CryptoKey;
  readonly expiresAtMs: number;
}

/** A root with its key, as text. */
export interface RootPems {
  readonly certPem: string;
  readonly keyPem: string;
}

/** Gives where a root is kept. */
export function rootFiles(dir: string): { readonly cert: string; readonly key: string } {
  return { cert: path.join(dir, 'root.pem'), key: path.join(dir, 'root.key') };
}

/**
 * Gives the root kept in `dir` (root.key of mode 0600, and root.pem, in which other trusted roots may stand besides), making
 * it when there is none. Throws CONFIG_INVALID when the files are damaged, do not fit together, have expired or are
 * another trust domain's: what they have signed would be lost, so a new root is never made over them.
 */
export async function loadOrCreateRoot(dir: string, trustDomain: string, nowMs: number): Promise<Root> {
  const files = rootFiles(dir);
  if (!existsSync(files.cert) && !existsSync(files.key)) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const made = await createRoot(trustDomain, nowMs);
    writeWhole(files.key, made.keyPem);
    writeWhole(files.cert, made.certPem);
  }
  const keyPem = readPart(files.key);
  const [certPem, ...others] = signingFirst(certificatesIn(readPart(files.cert)), keyPem);
  assertUsable(files, certPem, keyPem, trustDomain, nowMs);
  const certificate = new X509Certificate(certPem);
  const pkcs8 = PemConverter.decodeFirst(keyPem);
  const privateKey = await webcrypto.subtle.importKey('pkcs8', pkcs8, KEY_ALGORITHM, false, ['sign']);
  const bundlePem = [certPem, ...others].map((pem) => `${pem.trim()}\n`).join('');
  return { certPem, bundlePem, certificate, privateKey, expiresAtMs: certificate.notAfter.getTime() };
}

/** Gives the certificates in a text; the text itself where there is none, for the check that follows to complain of. */
export function certificatesIn(text: string): readonly [string, ...string[]] {
  const [first, ...rest] = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? [];
  return first === undefined ? [text] : [first, ...rest];
}

/** The root that signs is the one whose key is kept, wherever it stands: so one renamed file is the whole change of roots. */
function signingFirst(pems: readonly [string, ...string[]], keyPem: string): readonly [string, ...string[]] {
  const signing = pems.find((pem) => {
    try {
      return new NodeCertificate(pem).checkPrivateKey(createPrivateKey(keyPem));
    } catch {
      return false;
    }
  });
  return signing === undefined ? pems : [signing, ...pems.filter((pem) => pem !== signing)];
}

/** Makes a root. Its name is its own, so that nobody mixes it up with another of the same mesh. */
export async function createRoot(trustDomain: string, nowMs: number): Promise<RootPems> {
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
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      // A trust domain's own name (X509-SVID section 3.1).
      new SubjectAlternativeNameExtension([{ type: URI_NAME, value: `spiffe://${trustDomain}` }]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { certPem: certificate.toString('pem'), keyPem: PemConverter.encode(pkcs8, 'PRIVATE KEY') };
}

/** Gives a serial number that is positive and cannot be guessed (RFC 5280, CA/B baseline: at least 64 random bits). */
export function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function assertUsable(
  files: { cert: string; key: string },
  certPem: string,
  keyPem: string,
  trustDomain: string,
  nowMs: number,
): void {
  const certificate = readable(files.cert, () => new NodeCertificate(certPem));
  const key = readable(files.key, () => createPrivateKey(keyPem));
  const problem = !certificate.checkPrivateKey(key)
    ? `${files.cert} and ${files.key} do not belong together`
    : certificate.validToDate.getTime() <= nowMs
      ? `${files.cert} has expired`
      : certificate.subjectAltName !== `URI:spiffe://${trustDomain}`
        ? `${files.cert} is for another trust domain than ${trustDomain}`
        : undefined;
  if (problem !== undefined) throw unusable(problem);
}

function readPart(file: string): string {
  return readable(file, () => readFileSync(file, 'utf8'));
}

function readable<Value>(file: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw unusable(`${file} is missing or damaged`, error);
  }
}

function unusable(problem: string, cause?: unknown): FrontierError {
  return new FrontierError(
    'CONFIG_INVALID',
    `${problem}: restore root.pem and root.key from a copy, or remove both to begin a new mesh identity`,
    { cause },
  );
}

/** Replaces a file whole, readable by its owner alone. */
export function writeWhole(file: string, content: string): void {
  writeFileSync(`${file}.new`, content, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

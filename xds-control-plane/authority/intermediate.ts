import 'reflect-metadata';
import { createPrivateKey, webcrypto, X509Certificate as NodeCertificate } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { KEY_ALGORITHM } from '../../core/identity/key-pair.ts';
import { authorityExtensions, certificatesIn, isPair, keyPemOf, newSerial, signingKey, trustDomainId } from './root.ts';
import type { PemPair } from './root-state.ts';

/** Clocks may differ by so much; a short-lived certificate is backdated by less, a tenth of its life. */
const LONGEST_BACKDATE_MS = 3_600_000;

export interface IntermediateOptions {
  /** The root that signs it, with its key. */
  readonly root: PemPair;
  readonly trustDomain: string;
  readonly lifetimeMs: number;
  readonly nowMs: number;
}

/** Makes an authority that signs certificates in the root's place, and no authorities. It never outlives the root. */
export async function createIntermediate(options: IntermediateOptions): Promise<PemPair> {
  const { root, trustDomain, lifetimeMs, nowMs } = options;
  const serialNumber = newSerial();
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
  const issuer = new X509Certificate(root.certPem);
  const certificate = await X509CertificateGenerator.create({
    serialNumber,
    subject: `O=Frontier, CN=${trustDomain} intermediate ${serialNumber.slice(0, 8)}`,
    issuer: issuer.subject,
    notBefore: new Date(nowMs - Math.min(LONGEST_BACKDATE_MS, lifetimeMs / 10)),
    notAfter: new Date(Math.min(nowMs + lifetimeMs, issuer.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey: await signingKey(root.keyPem, 'root.key'),
    signingAlgorithm: KEY_ALGORITHM,
    extensions: [
      ...authorityExtensions(trustDomain, 0),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { certPem: certificate.toString('pem'), keyPem: await keyPemOf(keys.privateKey) };
}

/** Where the parts are, for messages. */
export interface IntermediatePlaces {
  readonly cert: string;
  readonly key: string;
  readonly roots: string;
}

/** What is wrong with an intermediate, or the root that it leads to. */
export type CheckedIntermediate = { readonly fault: string } | { readonly fault?: undefined; readonly rootPem: string };

/**
 * Checks an intermediate: key and certificate can be read and belong together, it is an authority in force, of this trust
 * domain, and its chain leads to one of the roots, each of which allows as many authorities below it as there are.
 */
export function checkIntermediate(
  pair: PemPair,
  roots: readonly string[],
  places: IntermediatePlaces,
  { trustDomain, nowMs }: { trustDomain: string; nowMs: number },
): CheckedIntermediate {
  const pems = certificatesIn(pair.certPem);
  const chain = pems.map(readCertificate);
  if (!isWhole(chain)) return { fault: `${places.cert} is missing or damaged` };
  if (!isKey(pair.keyPem)) return { fault: `${places.key} is missing or damaged` };
  if (!isPair({ certPem: pems[0], keyPem: pair.keyPem })) {
    return { fault: `${places.cert} and ${places.key} do not belong together` };
  }
  const root = roots.find((pem) => isIssuedBy(chain.at(-1), readCertificate(pem)));
  const fault =
    firstFault(chain, places.cert, trustDomain, nowMs) ??
    (root === undefined ? `${places.cert} does not lead to a root in ${places.roots}` : undefined) ??
    pathFault([...pems, ...(root === undefined ? [] : [root])], places);
  return fault === undefined ? { rootPem: root ?? '' } : { fault };
}

/**
 * Gives when an intermediate is to be renewed: at half of its life, and early enough that what it signs lives its whole life,
 * in milliseconds since the epoch.
 */
export function intermediateRenewalMs(certPem: string, leafLifetimeMs: number): number {
  const { validFromDate, validToDate } = new NodeCertificate(certificatesIn(certPem)[0]);
  const [from, to] = [validFromDate.getTime(), validToDate.getTime()];
  return Math.min(from + (to - from) / 2, to - 2 * leafLifetimeMs);
}

function firstFault(
  chain: readonly NodeCertificate[],
  where: string,
  trustDomain: string,
  nowMs: number,
): string | undefined {
  for (const [index, certificate] of chain.entries()) {
    const which = index === 0 ? where : `certificate ${index + 1} in ${where}`;
    const upper = chain[index + 1];
    const name = certificate.subjectAltName;
    if (!isAuthority(certificate)) return `${which} is not of a certificate authority (CA:TRUE, keyCertSign)`;
    if (certificate.validToDate.getTime() <= nowMs) return `${which} has expired`;
    if (certificate.validFromDate.getTime() > nowMs) return `${which} is not in force yet`;
    if (name?.startsWith('URI:') === true && name !== `URI:${trustDomainId(trustDomain)}`) {
      return `${which} is for another trust domain than ${trustDomain}`;
    }
    if (upper !== undefined && !isIssuedBy(certificate, upper)) return `${which} is not signed by the one after it`;
  }
  return undefined;
}

/** Tells whether a root lets an intermediate sign in its place. */
export function allowsAuthorityBelow(rootPem: string): boolean {
  return (pathLengthOf(rootPem) ?? Infinity) >= 1;
}

/** RFC 5280 section 4.2.1.9: how many authorities may stand between an authority and a leaf; unbounded when undefined. */
function pathLengthOf(pem: string): number | undefined {
  return new X509Certificate(pem).getExtension(BasicConstraintsExtension)?.pathLength;
}

function pathFault(pems: readonly string[], places: IntermediatePlaces): string | undefined {
  const index = pems.findIndex((pem, below) => (pathLengthOf(pem) ?? Infinity) < below);
  if (index === -1) return undefined;
  const which =
    index === pems.length - 1 ? `the root in ${places.roots}` : `certificate ${index + 1} in ${places.cert}`;
  return `${which} allows fewer authorities below it than there are (path length)`;
}

function isAuthority(certificate: NodeCertificate): boolean {
  const usages = new X509Certificate(certificate.toString()).getExtension(KeyUsagesExtension)?.usages;
  return certificate.ca && (usages === undefined || (usages & KeyUsageFlags.keyCertSign) !== 0);
}

function isIssuedBy(certificate: NodeCertificate | undefined, issuer: NodeCertificate | undefined): boolean {
  if (certificate === undefined || issuer === undefined) return false;
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function readCertificate(pem: string): NodeCertificate | undefined {
  try {
    return new NodeCertificate(pem);
  } catch {
    return undefined;
  }
}

function isWhole(chain: readonly (NodeCertificate | undefined)[]): chain is readonly NodeCertificate[] {
  return chain.every((certificate) => certificate !== undefined);
}

function isKey(pem: string): boolean {
  try {
    createPrivateKey(pem);
    return true;
  } catch {
    return false;
  }
}

import 'reflect-metadata';
import { createPrivateKey, X509Certificate as NodeCertificate } from 'node:crypto';
import type { webcrypto } from 'node:crypto';
import { X509Certificate } from '@peculiar/x509';
import { FrontierError } from '../../core/errors.ts';
import { checkIntermediate } from './intermediate.ts';
import { certificatesIn, isPair, joined, signingKey, trustDomainId } from './root.ts';
import type { PemPair, RootState, RootStore } from './root-state.ts';

/** What certificates are signed with: the root itself, or an intermediate in its place. */
export interface Signer {
  readonly certificate: X509Certificate;
  readonly privateKey: webcrypto.CryptoKey;
  /** Certificates between a signed one and the root, to be handed out after it; empty when the root itself signs. */
  readonly chainPem: string;
  /** All roots that are trusted, the signing one first. */
  readonly bundlePem: string;
  readonly rootPem: string;
  readonly rootExpiresAtMs: number;
  /** End of whatever signs. */
  readonly expiresAtMs: number;
}

/** An intermediate that is kept elsewhere than the root. */
export interface GivenIntermediate {
  readonly pair: PemPair;
  readonly certPath: string;
  readonly keyPath: string;
}

export interface SignerContext {
  readonly store: Pick<RootStore, 'where' | 'beginAnew'>;
  readonly trustDomain: string;
  /** Whether an intermediate signs, and where it is if not in the state. */
  readonly intermediate: 'none' | 'own' | GivenIntermediate;
  readonly nowMs: number;
}

/**
 * Gives what a state signs with. Throws CONFIG_INVALID, naming the part and what to do, when parts are damaged, do not fit
 * together, have expired or are another trust domain's.
 */
export async function signerOf(state: RootState, context: SignerContext): Promise<Signer> {
  const roots = checkedRoots(state, context);
  if (context.intermediate === 'none') {
    const { certPem, keyPem } = rootPair(state, context);
    return withKey(certPem, keyPem, '', roots, certPem, context.store.where('root.key'));
  }
  const { pair, places } = intermediateOf(state, context, context.intermediate);
  const checked = checkIntermediate(pair, roots, places, context);
  if (checked.fault !== undefined) throw unusableIntermediate(checked.fault, context.intermediate);
  return withKey(
    certificatesIn(pair.certPem)[0],
    pair.keyPem,
    joined(certificatesIn(pair.certPem)),
    roots,
    checked.rootPem,
    places.key,
  );
}

/** Gives the root whose key is kept, with the key. Throws CONFIG_INVALID when there is none. */
export function rootPair(state: RootState, context: SignerContext): PemPair {
  const roots = checkedRoots(state, context);
  const { store } = context;
  const { keyPem } = state;
  if (keyPem === undefined || !isReadable(() => createPrivateKey(keyPem))) {
    throw unusable(`${store.where('root.key')} is missing or damaged`, store);
  }
  // The root that signs is the one whose key is kept, wherever it stands.
  const certPem = roots.find((pem) => isPair({ certPem: pem, keyPem }));
  if (certPem === undefined) {
    throw unusable(`${store.where('root.pem')} and ${store.where('root.key')} do not belong together`, store);
  }
  return { certPem, keyPem };
}

/** Gives the roots that are in force. One that has expired beside another that has not does no harm. */
function checkedRoots({ rootsPem }: RootState, { store, trustDomain, nowMs }: SignerContext): readonly string[] {
  const where = store.where('root.pem');
  const roots = certificatesIn(rootsPem ?? '');
  for (const pem of roots) {
    if (!isReadable(() => new NodeCertificate(pem))) throw unusable(`${where} is missing or damaged`, store);
    const { subjectAltName: name, ca } = new NodeCertificate(pem);
    if (!ca) throw unusable(`${where} is not of a certificate authority`, store);
    // One that was made elsewhere may have no such name.
    if (name?.startsWith('URI:') === true && name !== `URI:${trustDomainId(trustDomain)}`) {
      throw unusable(`${where} is for another trust domain than ${trustDomain}`, store);
    }
  }
  const inForce = roots.filter((pem) => endOf(pem) > nowMs);
  if (inForce.length === 0) throw unusable(`${where} has expired`, store);
  return inForce;
}

function intermediateOf(
  state: RootState,
  { store }: SignerContext,
  kind: 'own' | GivenIntermediate,
): { pair: PemPair; places: { cert: string; key: string; roots: string } } {
  const roots = store.where('root.pem');
  if (kind !== 'own') return { pair: kind.pair, places: { cert: kind.certPath, key: kind.keyPath, roots } };
  return {
    pair: state.intermediate ?? { certPem: '', keyPem: '' },
    places: { cert: store.where('intermediate.pem'), key: store.where('intermediate.key'), roots },
  };
}

async function withKey(
  certPem: string,
  keyPem: string,
  chainPem: string,
  roots: readonly string[],
  rootPem: string,
  where: string,
): Promise<Signer> {
  const certificate = new X509Certificate(certPem);
  const rootExpiresAtMs = new X509Certificate(rootPem).notAfter.getTime();
  return {
    certificate,
    privateKey: await signingKey(keyPem, where),
    chainPem,
    bundlePem: joined([rootPem, ...roots.filter((pem) => pem !== rootPem)]),
    rootPem,
    rootExpiresAtMs,
    expiresAtMs: Math.min(rootExpiresAtMs, ...certificatesIn(chainPem === '' ? certPem : chainPem).map(endOf)),
  };
}

function endOf(pem: string): number {
  return new X509Certificate(pem).notAfter.getTime();
}

function isReadable(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

function unusable(problem: string, { beginAnew }: Pick<RootStore, 'beginAnew'>): FrontierError {
  return new FrontierError(
    'CONFIG_INVALID',
    `${problem}: restore root.pem and root.key from a copy, or ${beginAnew} to begin a new mesh identity`,
  );
}

function unusableIntermediate(problem: string, kind: 'own' | GivenIntermediate): FrontierError {
  const fix =
    kind === 'own'
      ? 'put root.key back so that another intermediate can be made, or restore both parts from a copy'
      : 'give a P-256 authority signed by the root in mesh.authority.intermediate.cert_file, with its key in key_file';
  return new FrontierError('CONFIG_INVALID', `${problem}: ${fix}`);
}

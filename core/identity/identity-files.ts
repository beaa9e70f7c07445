import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FrontierError } from '../errors.ts';

/** A certificate with its key and the roots to check others by, all in PEM. */
export interface IdentityMaterial {
  /** Chain, leaf first. */
  readonly certPem: string;
  readonly keyPem: string;
  readonly bundlePem: string;
}

export interface IdentityPaths {
  readonly certPath: string;
  readonly keyPath: string;
  readonly bundlePath: string;
}

/** Gives where an identity's files are. */
export function identityPaths(dir: string): IdentityPaths {
  return {
    certPath: path.join(dir, 'cert.pem'),
    keyPath: path.join(dir, 'key.pem'),
    bundlePath: path.join(dir, 'bundle.pem'),
  };
}

/** Gives the identity kept in `dir`; undefined when there is none or its parts do not fit together. */
export function readIdentity(dir: string): IdentityMaterial | undefined {
  const paths = identityPaths(dir);
  try {
    const material = {
      certPem: readFileSync(paths.certPath, 'utf8'),
      keyPem: readFileSync(paths.keyPath, 'utf8'),
      bundlePem: readFileSync(paths.bundlePath, 'utf8'),
    };
    assertIdentity(material);
    return material;
  } catch {
    // Absent, half written or damaged: the caller asks for a new one.
    return undefined;
  }
}

/**
 * Keeps an identity in `dir` (0700). Each file is replaced whole; the certificate goes last, since watchers read the
 * pair when it changes. Throws CERTIFICATE_INVALID when key and certificate do not fit together.
 */
export function writeIdentity(dir: string, material: IdentityMaterial): void {
  assertIdentity(material);
  const paths = identityPaths(dir);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  replaceFile(paths.bundlePath, material.bundlePem);
  replaceFile(paths.keyPath, material.keyPem);
  replaceFile(paths.certPath, material.certPem);
}

/** Checks that key and certificate belong together. Throws CERTIFICATE_INVALID. */
export function assertIdentity({ certPem, keyPem }: IdentityMaterial): void {
  if (!keyFits(certPem, keyPem)) {
    throw new FrontierError('CERTIFICATE_INVALID', 'certificate and key do not belong together');
  }
}

function keyFits(certPem: string, keyPem: string): boolean {
  try {
    return new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem));
  } catch (error) {
    throw new FrontierError('CERTIFICATE_INVALID', 'certificate or key cannot be read', { cause: error });
  }
}

function replaceFile(file: string, content: string): void {
  const temporary = `${file}.new`;
  writeFileSync(temporary, content, { mode: 0o600 });
  renameSync(temporary, file);
}

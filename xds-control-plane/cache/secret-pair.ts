import { createPrivateKey, X509Certificate } from 'node:crypto';
import { FrontierError } from '../../core/errors.ts';

interface DataSource {
  readonly inline_bytes?: Uint8Array;
  readonly inline_string?: string;
}

interface SecretContent {
  readonly tls_certificate?: {
    readonly certificate_chain?: DataSource;
    readonly private_key?: DataSource;
    readonly password?: DataSource;
  };
}

/**
 * Checks that a secret's key is that of its certificate, before anybody is told of either (checklist 56). A pair that is not
 * here as a whole, in files of the client or under a password, is for the client to check. Throws INVALID_FIELD; the message
 * never holds any of the key.
 */
export function assertSecretPair(name: string, { tls_certificate: pair }: SecretContent): void {
  const [chain, key] = [textOf(pair?.certificate_chain), textOf(pair?.private_key)];
  if (chain === undefined || key === undefined || pair?.password !== undefined) return;
  let fault: string | undefined;
  try {
    const fits = new X509Certificate(chain).checkPrivateKey(createPrivateKey(key));
    if (!fits) fault = 'certificate_chain and private_key do not belong together';
  } catch {
    fault = 'certificate_chain or private_key cannot be read';
  }
  if (fault === undefined) return;
  throw new FrontierError('INVALID_FIELD', `secret ${name}: tls_certificate.${fault}; what was served before goes on`);
}

function textOf(source: DataSource | undefined): string | undefined {
  if (source?.inline_bytes !== undefined) return Buffer.from(source.inline_bytes).toString();
  return source?.inline_string;
}

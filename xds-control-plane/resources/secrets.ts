import type { IdentityMaterial } from '../../core/identity/identity-files.ts';
import type { Secret } from '../protobuf/messages.ts';
import { GATEWAY_SECRET, ROOTS_SECRET } from './names.ts';

/** Gives an Envoy's secrets: its own certificate with key, as one resource (checklist 56), and the trust bundle. */
export function gatewaySecrets({ certPem, keyPem, bundlePem }: IdentityMaterial): readonly Secret[] {
  return [
    {
      name: GATEWAY_SECRET,
      tls_certificate: {
        certificate_chain: { inline_bytes: Buffer.from(certPem) },
        private_key: { inline_bytes: Buffer.from(keyPem) },
      },
    },
    { name: ROOTS_SECRET, validation_context: { trusted_ca: { inline_bytes: Buffer.from(bundlePem) } } },
  ];
}

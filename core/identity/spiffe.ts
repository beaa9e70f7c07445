import type { PeerCertificate } from 'node:tls';

/** Names of workloads after SPIFFE: spiffe://<trust domain>/ns/<namespace>/<kind>/<name>. */
export interface SpiffeName {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly kind: 'module' | 'service' | 'gateway';
  readonly name: string;
}

const FORM = /^spiffe:\/\/([a-z0-9._-]+)\/ns\/([a-z0-9-]+)\/(module|service|gateway)\/([A-Za-z0-9._-]+)$/;

/** Gives the SPIFFE id of a name. */
export function spiffeId({ trustDomain, namespace, kind, name }: SpiffeName): string {
  return `spiffe://${trustDomain}/ns/${namespace}/${kind}/${name}`;
}

/** Gives the name in a SPIFFE id; undefined when the text is not one of ours. */
export function parseSpiffeId(text: string): SpiffeName | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, trustDomain = '', namespace = '', kind, name = ''] = match;
  return { trustDomain, namespace, kind: kind as SpiffeName['kind'], name };
}

/** Tells whether an id equals one of the patterns, or starts with one that ends in "*". */
export function matchesAny(id: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => (pattern.endsWith('*') ? id.startsWith(pattern.slice(0, -1)) : id === pattern));
}

/**
 * Gives the SPIFFE id in a certificate that TLS has verified; undefined unless it has exactly one URI name (X509-SVID
 * section 2), so that no second name can be smuggled in.
 */
export function spiffeIdOfCertificate(certificate: PeerCertificate | undefined): string | undefined {
  const names = certificate?.subjectaltname?.split(', ').filter((name) => name.startsWith('URI:')) ?? [];
  return names.length === 1 ? names[0]?.slice('URI:'.length) : undefined;
}

import { createHash } from 'node:crypto';
import type { Attachment, Query } from '../domain/query.ts';

/** What two queries must share for one to be answered by the other's answer. */
export interface CacheKey {
  /** All but the words: tenant, module, parameters, context, conversation, files. Queries are compared within one scope alone. */
  readonly scope: string;
  /** Scope and words. */
  readonly exact: string;
}

/** Gives the key of a query. Only line ends, outer blanks and Unicode's several ways to write one letter are evened out. */
export function cacheKeyOf(query: Query, tenant: string): CacheKey {
  const scope = digest([
    tenant,
    query.moduleId ?? '',
    canonical(query.parameters),
    canonical(query.context),
    canonical(query.history.map(({ role, content }) => [role, content])),
    ...query.attachments.map(attachmentKey),
  ]);
  return { scope, exact: digest([scope, normalized(query.text)]) };
}

/** Gives the words of a query as they are compared. */
export function normalized(text: string): string {
  return text.normalize('NFC').replaceAll('\r\n', '\n').trim();
}

function attachmentKey({ mediaType, source, name }: Attachment): string {
  return digest([
    mediaType,
    name,
    source.kind === 'uri' ? source.uri : createHash('sha256').update(source.data).digest('hex'),
  ]);
}

/** SHA-256 over parts, each with its length, so that no two lists of parts read alike. */
function digest(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('base64url');
}

/** JSON with the keys of every object in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}

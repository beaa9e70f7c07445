import { FrontierError } from '../../core/errors.ts';
import type { Attachment, Query } from '../domain/query.ts';

/** Limits of a request's size. */
export interface QueryLimits {
  /** Longest query with its history, in bytes of UTF-8. */
  readonly maxQueryBytes: number;
  /** Largest sum of attachments, in bytes. */
  readonly maxAttachmentBytes: number;
}

const MAX_ID_CHARS = 128;
/** Bytes that one UTF-16 unit takes in UTF-8 at the most. */
const MAX_BYTES_PER_CHAR = 3;

/** Gives the query if it can be handled. Throws EMPTY_QUERY, QUERY_TOO_LARGE, ATTACHMENT_TOO_LARGE or INVALID_FIELD with the field. */
export function checkQuery(query: Query, limits: QueryLimits): Query {
  if (query.text.trim() === '' && query.attachments.length === 0) {
    throw new FrontierError('EMPTY_QUERY', 'the query is empty and there is no attachment', {
      metadata: { field: 'query' },
    });
  }
  checkTextSize(query, limits);
  if (query.attachments.length > 0) checkAttachments(query.attachments, limits);
  if (query.requestId.length > MAX_ID_CHARS)
    throw invalid('request_id', `must be at most ${MAX_ID_CHARS} characters long`);
  if (query.userId.length > MAX_ID_CHARS) throw invalid('user_id', `must be at most ${MAX_ID_CHARS} characters long`);
  if (query.sessionId.length > MAX_ID_CHARS)
    throw invalid('session_id', `must be at most ${MAX_ID_CHARS} characters long`);
  if (query.maxCost !== undefined && !(query.maxCost >= 0)) throw invalid('max_cost', 'must be 0 or more');
  return query;
}

function checkTextSize(query: Query, { maxQueryBytes }: QueryLimits): void {
  const chars = query.history.reduce((sum, { content }) => sum + content.length, query.text.length);
  // Counting bytes costs a walk over the text, which short texts are spared.
  if (chars * MAX_BYTES_PER_CHAR <= maxQueryBytes) return;
  const bytes = query.history.reduce(
    (sum, { content }) => sum + Buffer.byteLength(content),
    Buffer.byteLength(query.text),
  );
  if (bytes <= maxQueryBytes) return;
  throw new FrontierError(
    'QUERY_TOO_LARGE',
    `the query and its history take ${bytes} bytes, the limit is ${maxQueryBytes}`,
    {
      metadata: { field: 'query', limit: String(maxQueryBytes) },
    },
  );
}

function checkAttachments(attachments: readonly Attachment[], { maxAttachmentBytes }: QueryLimits): void {
  for (const [at, { mediaType, source }] of attachments.entries()) {
    if (!/^[\w.+-]+\/[\w.+*-]+/.test(mediaType))
      throw invalid(`attachments[${at}].media_type`, 'must be a media type such as "image/png"');
    if (source.kind === 'data' && source.data.byteLength === 0) throw invalid(`attachments[${at}].data`, 'is empty');
    if (source.kind === 'uri' && !URL.canParse(source.uri))
      throw invalid(`attachments[${at}].uri`, 'is not a valid address');
  }
  const bytes = attachments.reduce((sum, { source }) => sum + (source.kind === 'data' ? source.data.byteLength : 0), 0);
  if (bytes <= maxAttachmentBytes) return;
  throw new FrontierError(
    'ATTACHMENT_TOO_LARGE',
    `the attachments take ${bytes} bytes, the limit is ${maxAttachmentBytes}`,
    {
      metadata: { field: 'attachments', limit: String(maxAttachmentBytes) },
    },
  );
}

/** Error of one field of a request. */
export function invalid(field: string, fault: string): FrontierError {
  return new FrontierError('INVALID_FIELD', `${field} ${fault}`, { metadata: { field } });
}

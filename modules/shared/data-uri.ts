import { FrontierError } from '../../core/errors.ts';
import type { QueryAttachment } from './answerer.ts';

const DATA_URI = /^data:([^,]*),([\s\S]*)$/i;

/**
 * Gives an attachment's bytes: its own or those of a data: URI. Throws ATTACHMENT_UNREADABLE for a broken data: URI and for any other address:
 * a module that fetched addresses for its callers would reach what they cannot.
 */
export function bytesOf(attachment: QueryAttachment, index: number): Uint8Array {
  if (attachment.source.kind === 'data') return attachment.source.bytes;
  const match = DATA_URI.exec(attachment.source.uri);
  if (match === null) {
    throw unreadable(index, 'this module fetches no addresses; send the bytes themselves, or a data: URI');
  }
  const [, header = '', body = ''] = match;
  return /;\s*base64\s*$/i.test(header) ? fromBase64(body, index) : fromPercent(body, index);
}

function fromBase64(body: string, index: number): Uint8Array {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(body)) throw unreadable(index, 'its data: URI is not base64');
  return Buffer.from(body, 'base64');
}

function fromPercent(body: string, index: number): Uint8Array {
  try {
    return Buffer.from(decodeURIComponent(body), 'utf8');
  } catch (error) {
    throw unreadable(index, 'its data: URI is not percent-encoded UTF-8', error);
  }
}

/** Gives the error for an attachment that cannot be read, saying why. */
export function unreadable(index: number, why: string, cause?: unknown): FrontierError {
  const field = `attachments[${index}]`;
  return new FrontierError('ATTACHMENT_UNREADABLE', `${field} cannot be read: ${why}`, { metadata: { field }, cause });
}

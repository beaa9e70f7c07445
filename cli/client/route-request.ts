import { readFileSync, statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { FrontierError, messageOf } from '../../core/errors.ts';
import type { Attachment } from '../../gen/frontier/common/v1/attachment.ts';
import { RouteRequest } from '../../gen/frontier/router/v1/router.ts';

/** Flags that describe a query. */
export interface QueryFlags {
  readonly module?: string;
  readonly attach?: readonly string[];
  readonly context?: readonly string[];
  readonly param?: readonly string[];
  readonly maxCost?: string;
  readonly explain?: boolean;
  readonly user?: string;
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.bmp': 'image/bmp',
  '.tif': 'image/tiff',
  '.tiff': 'image/tiff',
  '.pdf': 'application/pdf',
  '.json': 'application/json',
  '.csv': 'text/csv',
  '.md': 'text/markdown',
  '.html': 'text/html',
  '.txt': 'text/plain',
  '.wav': 'audio/wav',
  '.mp3': 'audio/mpeg',
};
const MAX_ATTACHMENT_BYTES = 30 * 1024 * 1024;

/** Gives the request that the flags describe. Throws INVALID_FIELD, ATTACHMENT_UNREADABLE or ATTACHMENT_TOO_LARGE. */
export function routeRequest(query: string, flags: QueryFlags): RouteRequest {
  return RouteRequest.create({
    query,
    userId: flags.user ?? '',
    attachments: (flags.attach ?? []).map(readAttachment),
    context: pairs(flags.context, 'context'),
    parameters: pairs(flags.param, 'param'),
    explain: flags.explain === true,
    ...(flags.module === undefined ? {} : { moduleId: flags.module }),
    ...(flags.maxCost === undefined ? {} : { maxCost: numberOf(flags.maxCost, 'max-cost') }),
  });
}

/** Gives the media type that a file's name tells; "application/octet-stream" when it tells none. */
export function mediaTypeOf(path: string): string {
  return MEDIA_TYPES[extname(path).toLowerCase()] ?? 'application/octet-stream';
}

/** Gives `key=value` texts as a record; a value that is JSON keeps its type, any other is text. Undefined when there are none. */
export function pairs(texts: readonly string[] | undefined, flag: string): Record<string, unknown> | undefined {
  if (texts === undefined || texts.length === 0) return undefined;
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at < 1)
        throw new FrontierError('INVALID_FIELD', `--${flag} takes key=value, not "${text}"`, {
          metadata: { field: flag },
        });
      return [text.slice(0, at), valueOf(text.slice(at + 1))];
    }),
  );
}

/** Gives a flag's number. Throws INVALID_FIELD for what is none, or negative. */
export function numberOf(text: string, flag: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new FrontierError('INVALID_FIELD', `--${flag} takes a number, not "${text}"`, { metadata: { field: flag } });
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function readAttachment(path: string): Attachment {
  try {
    if (statSync(path).size > MAX_ATTACHMENT_BYTES) {
      throw new FrontierError(
        'ATTACHMENT_TOO_LARGE',
        `${path} is larger than ${MAX_ATTACHMENT_BYTES / 1024 / 1024} MiB`,
      );
    }
    return { name: basename(path), mediaType: mediaTypeOf(path), source: { $case: 'data', value: readFileSync(path) } };
  } catch (error) {
    if (error instanceof FrontierError) throw error;
    throw new FrontierError('ATTACHMENT_UNREADABLE', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

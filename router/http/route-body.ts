import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { PRIORITIES } from '../../core/config/overload-schema.ts';
import { FrontierError } from '../../core/errors.ts';
import { checkQuery, type QueryLimits } from '../bindings/check-query.ts';
import { STRATEGIES, type Attachment, type Query } from '../domain/query.ts';
import { checkBody } from './parse-body.ts';

const openObject = z.record(z.string(), z.unknown());

const attachment = z
  .strictObject({
    media_type: z.string(),
    data: z.string().optional(),
    uri: z.string().optional(),
    name: z.string().default(''),
  })
  .refine(({ data, uri }) => (data === undefined) !== (uri === undefined), 'must have either data or uri');

/** Body of POST /api/v1/route and /api/v1/classify. */
const routeBody = z.strictObject({
  query: z.string().default(''),
  user_id: z.string().default(''),
  context: openObject.optional(),
  parameters: openObject.optional(),
  attachments: z.array(attachment).default([]),
  module_id: z.string().min(1).optional(),
  strategy: z.enum(STRATEGIES).optional(),
  max_cost: z.number().min(0).optional(),
  explain: z.boolean().default(false),
  request_id: z.string().min(1).optional(),
  history: z.array(z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })).default([]),
  stream_failure_policy: z.enum(['restart', 'no_restart', 'continue']).default('restart'),
  cache_policy: z.enum(['use', 'no_store', 'refresh']).default('use'),
  priority: z.enum(PRIORITIES).optional(),
  session_id: z.string().max(128).default(''),
});

/** Gives a JSON body as a checked query. Throws with the field at fault. */
export function queryFromBody(body: unknown, limits: QueryLimits): Query {
  const checked = checkBody(routeBody, body);
  const query: Query = {
    requestId: checked.request_id ?? randomUUID(),
    text: checked.query,
    userId: checked.user_id,
    context: checked.context,
    parameters: checked.parameters,
    attachments: checked.attachments.map(attachmentOf),
    history: checked.history,
    moduleId: checked.module_id,
    ...(checked.strategy === undefined ? {} : { strategy: checked.strategy }),
    maxCost: checked.max_cost,
    explain: checked.explain,
    streamFailurePolicy: checked.stream_failure_policy,
    priority: checked.priority,
    sessionId: checked.session_id,
    cachePolicy: checked.cache_policy,
  };
  return checkQuery(query, limits);
}

function attachmentOf({ media_type: mediaType, data, uri, name }: z.output<typeof attachment>, at: number): Attachment {
  if (data === undefined) return { mediaType, source: { kind: 'uri', uri: uri ?? '' }, name };
  return { mediaType, source: { kind: 'data', data: bytesOfBase64(data, `attachments[${at}].data`) }, name };
}

/** Gives the bytes of base64, plain or URL-safe. Throws ATTACHMENT_UNREADABLE when it is none: Buffer itself skips what it cannot read. */
export function bytesOfBase64(text: string, field: string): Uint8Array {
  if (/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) return Buffer.from(text, 'base64');
  throw new FrontierError('ATTACHMENT_UNREADABLE', `${field} is not valid base64`, { metadata: { field } });
}

import http from 'node:http';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ask, get, post, type Problem } from '../support/http-api.ts';
import { eventually } from '../support/eventually.ts';
import { fiveModules } from './five-modules.ts';
import { startTestRouter, type TestRouter } from './router-harness.ts';

let router: TestRouter;
beforeAll(async () => {
  router = await startTestRouter(fiveModules(), { router: { max_query_bytes: 2_000, max_attachment_bytes: 10_000 } });
});

/** Whatever was sent, the next request is answered. */
afterEach(async () => {
  expect(await ask(router.url, { query: 'What is the capital of France?' })).toMatchObject({
    module_used: 'foundation',
  });
});

const png = (data: string): object => ({ media_type: 'image/png', data });

describe('POST /api/v1/route refuses, with the field', () => {
  it.each<[string, unknown, number, string, string | undefined]>([
    ['an empty query', { query: ' ' }, 400, 'EMPTY_QUERY', 'query'],
    ['no query', {}, 400, 'EMPTY_QUERY', 'query'],
    ['a query over the limit', { query: 'x'.repeat(2_001) }, 400, 'QUERY_TOO_LARGE', 'query'],
    ['a query over the limit in bytes alone', { query: 'é'.repeat(1_001) }, 400, 'QUERY_TOO_LARGE', 'query'],
    [
      'a query with a history over the limit',
      { query: 'x', history: [{ role: 'user', content: 'x'.repeat(2_000) }] },
      400,
      'QUERY_TOO_LARGE',
      'query',
    ],
    ['a query of the wrong type', { query: 42 }, 400, 'INVALID_FIELD', 'query'],
    ['parameters of the wrong type', { query: 'x', parameters: [] }, 400, 'INVALID_FIELD', 'parameters'],
    [
      'a role that is none',
      { query: 'x', history: [{ role: 'robot', content: '' }] },
      400,
      'INVALID_FIELD',
      'history[0].role',
    ],
    ['an unknown field', { query: 'x', qeury: 'x' }, 400, 'UNKNOWN_FIELD', 'qeury'],
    [
      'an unknown field below',
      { query: 'x', attachments: [{ ...png('AAAA'), size: 3 }] },
      400,
      'UNKNOWN_FIELD',
      'attachments[0].size',
    ],
    ['a negative ceiling', { query: 'x', max_cost: -1 }, 400, 'INVALID_FIELD', 'max_cost'],
    [
      'a field that only looks known',
      '{"query": "x", "__proto__": {"explain": true}}',
      400,
      'UNKNOWN_FIELD',
      '__proto__',
    ],
    [
      'an attachment that is not base64',
      { query: 'x', attachments: [png('%%%')] },
      400,
      'ATTACHMENT_UNREADABLE',
      'attachments[0].data',
    ],
    ['an empty attachment', { query: 'x', attachments: [png('')] }, 400, 'INVALID_FIELD', 'attachments[0].data'],
    [
      'an attachment without a source',
      { query: 'x', attachments: [{ media_type: 'image/png' }] },
      400,
      'INVALID_FIELD',
      'attachments[0]',
    ],
    [
      'attachments over the limit',
      { query: 'x', attachments: [png(Buffer.alloc(10_001).toString('base64'))] },
      400,
      'ATTACHMENT_TOO_LARGE',
      'attachments',
    ],
    [
      'a type of attachment that no module takes',
      { query: 'x', attachments: [{ media_type: 'video/mp4', data: 'AAAA' }] },
      400,
      'UNSUPPORTED_MEDIA_TYPE',
      undefined,
    ],
    ['an unknown module', { query: 'x', module_id: 'nobody' }, 404, 'MODULE_UNKNOWN', 'module_id'],
    ['a strategy that does not exist', { query: 'x', strategy: 'lottery' }, 400, 'INVALID_FIELD', 'strategy'],
    ['text that is not JSON', '{"query": ', 400, 'MALFORMED_BODY', undefined],
    ['JSON that is not an object', '"hello"', 400, 'INVALID_FIELD', undefined],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 400, 'MALFORMED_BODY', undefined],
    ['a body over every limit', Buffer.alloc(1 << 20, 0x20), 413, 'QUERY_TOO_LARGE', undefined],
  ])('%s', async (_case, body, status, reason, field) => {
    const reply = await post<Problem & { field?: string }>(`${router.url}/api/v1/route`, body);
    expect(reply.contentType).toContain('application/problem+json');
    expect(reply.body).toMatchObject({ status, reason, type: expect.stringContaining('https://') });
    expect(reply.status).toBe(status);
    expect(reply.body.field).toBe(field);
  });

  it('a form, which a page of another origin could send', async () => {
    const reply = await post<Problem>(`${router.url}/api/v1/route`, '{"query":"x"}', { 'content-type': 'text/plain' });
    expect(reply).toMatchObject({ status: 415, body: { reason: 'UNSUPPORTED_MEDIA_TYPE' } });
  });

  it('a path that is none', async () => {
    expect(await get<Problem>(`${router.url}/nothing`)).toMatchObject({
      status: 404,
      body: { reason: 'PATH_UNKNOWN' },
    });
  });
});

describe('time', () => {
  it('a timeout of nothing is over at once', async () => {
    const reply = await post<Problem>(`${router.url}/api/v1/route`, { query: 'x' }, { 'x-frontier-timeout-ms': '0' });
    expect(reply).toMatchObject({ status: 504, body: { reason: 'DEADLINE_EXCEEDED' } });
  });

  it('a timeout that is no number is named', async () => {
    const reply = await post<Problem>(
      `${router.url}/api/v1/route`,
      { query: 'x' },
      { 'x-frontier-timeout-ms': 'soon' },
    );
    expect(reply).toMatchObject({ status: 400, body: { reason: 'INVALID_FIELD', field: 'x-frontier-timeout-ms' } });
  });

  it('a client that goes away cancels the work at the module', async () => {
    let cancelled = false;
    const module = router.sidecar('marketing-creative');
    module.behaviour = {
      answer: (_query, signal) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            cancelled = true;
            reject(signal.reason as Error);
          });
        }),
    };
    const request = http.request(`${router.url}/api/v1/route`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    request.on('error', () => undefined);
    request.end(JSON.stringify({ query: 'x', module_id: 'marketing-creative' }));
    await eventually(() => module.seen.length > 0, { what: 'the query to reach the module' });
    request.destroy();
    await eventually(() => cancelled, { what: 'the module to be told' });
  });
});

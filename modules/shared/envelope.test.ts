import { describe, expect, it } from '@jest/globals';
import { ModuleMessage } from '../../gen/frontier/common/v1/message.ts';
import { FrontierError } from '../../core/errors.ts';
import { answerPayload, errorPayload, queryOf, replyTo } from './envelope.ts';

const query = (fields: object): ModuleMessage => ModuleMessage.fromJSON({ query: { query: 'hello', ...fields } });

describe('envelope', () => {
  it('reads a query with its attachments, media types in lower case and without parameters', () => {
    const message = query({
      attachments: [{ mediaType: 'Image/PNG; q=1', name: 'a', data: 'AQI=' }],
      parameters: { seed: 1 },
    });
    expect(queryOf(message)).toMatchObject({
      text: 'hello',
      parameters: { seed: 1 },
      context: {},
      attachments: [{ mediaType: 'image/png', name: 'a', source: { kind: 'data' } }],
    });
  });

  it.each([
    ['no message', undefined, 'message.payload'],
    ['an answer', ModuleMessage.fromJSON({ answer: {} }), 'message.payload'],
    ['an attachment without media type', query({ attachments: [{ data: 'AQI=' }] }), 'attachments[0].media_type'],
    ['an attachment without source', query({ attachments: [{ mediaType: 'image/png' }] }), 'attachments[0]'],
  ])('refuses %s, naming the field', (_, message, field) => {
    expect(() => queryOf(message)).toThrow(expect.objectContaining({ reason: 'INVALID_FIELD', metadata: { field } }));
  });

  it('says that it cannot open a sealed payload', () => {
    expect(() => queryOf(ModuleMessage.fromJSON({ sealed: 'AQI=' }))).toThrow(
      expect.objectContaining({ reason: 'UNIMPLEMENTED' }),
    );
  });

  it('replies to the sender, correlated, with the tenant and trace of the query', () => {
    const request = ModuleMessage.fromJSON({
      header: { messageId: 'm1', source: 'router', tenant: 't1', trace: { traceparent: 'tp' } },
      query: {},
    });
    const answer = answerPayload({ content: 'yes', finishReason: 'stop', selfAssessment: 0.5 }, 1250);
    const reply = replyTo(
      request,
      { $case: 'answer', value: answer },
      { messageId: 'm2', source: 'foundation', nowMs: 0 },
    );
    expect(reply.header).toMatchObject({
      messageId: 'm2',
      correlationId: 'm1',
      source: 'foundation',
      destination: 'router',
      tenant: 't1',
      trace: { traceparent: 'tp' },
    });
    expect(answer).toMatchObject({ processingTime: { seconds: 1, nanos: 250_000_000 }, selfAssessment: 0.5 });
  });

  it('keeps the reason and the retry time of an error, and nothing of an unknown one', () => {
    expect(errorPayload(new FrontierError('MODULE_OVERLOADED', 'full', { retryAfterMs: 1500 }))).toMatchObject({
      reason: 'MODULE_OVERLOADED',
      retryAfter: { seconds: 1, nanos: 500_000_000 },
    });
    expect(errorPayload(new Error('secret'))).toMatchObject({
      reason: 'INTERNAL',
      message: 'an internal error occurred',
    });
  });
});

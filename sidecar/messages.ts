import type { FrontierError } from '../core/errors.ts';
import { MessagePriority, MessageType } from '../gen/frontier/common/v1/message.ts';
import type { AnswerPayload, ModuleMessage } from '../gen/frontier/common/v1/message.ts';
import { durationOf } from './durations.ts';

/** Makes the envelopes that a sidecar sends. */
export interface MessageMaker {
  answer(query: ModuleMessage, answer: AnswerPayload): ModuleMessage;
  token(query: ModuleMessage, text: string, index: number, probability: number | undefined): ModuleMessage;
  error(query: ModuleMessage, error: FrontierError): ModuleMessage;
}

/** Gives a maker whose messages come from `moduleId` and are numbered under `replicaId`. */
export function createMessageMaker(moduleId: string, replicaId: string): MessageMaker {
  let count = 0;
  const reply = (query: ModuleMessage, type: MessageType, payload: ModuleMessage['payload']): ModuleMessage => {
    const { header } = query;
    return {
      header: {
        messageId: `${replicaId}-${++count}`,
        correlationId: header?.messageId ?? '',
        source: moduleId,
        destination: header?.source ?? '',
        type,
        priority: header?.priority ?? MessagePriority.UNSPECIFIED,
        createTime: undefined,
        timeToLive: undefined,
        trace: undefined,
        tenant: header?.tenant ?? '',
      },
      payload,
      metadata: query.metadata,
    };
  };
  return {
    answer: (query, value) => reply(query, MessageType.RESPONSE, { $case: 'answer', value }),
    token: (query, text, index, probability) =>
      reply(query, MessageType.STREAM, { $case: 'token', value: { text, index, probability } }),
    error: (query, error) =>
      reply(query, MessageType.ERROR, {
        $case: 'error',
        value: {
          code: error.code,
          reason: error.reason,
          message: error.message,
          retryAfter: error.retryAfterMs === undefined ? undefined : durationOf(error.retryAfterMs),
        },
      }),
  };
}

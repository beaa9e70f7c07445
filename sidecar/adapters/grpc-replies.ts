import { FrontierError, isReason } from '../../core/errors.ts';
import type { AnswerPayload, ErrorPayload, ModuleMessage } from '../../gen/frontier/common/v1/message.ts';
import { millisecondsOf } from '../durations.ts';
import type { BatchResult } from './adapter.ts';
import { reasonByText } from './lost-resource.ts';

/** Gives the answer in a workload's reply. Throws what its error payload says, or MODULE_BAD_REPLY. */
export function answerOf(reply: ModuleMessage | undefined): AnswerPayload {
  const payload = reply?.payload;
  if (payload?.$case === 'answer') return payload.value;
  if (payload?.$case === 'error') throw errorOf(payload.value);
  throw badReply(`the workload replied with ${payload?.$case ?? 'nothing'} where an answer was due`);
}

/** Gives a batch's results in the order of its queries. Throws MODULE_BAD_REPLY when they do not pair up. */
export function batchResultsOf(replies: readonly ModuleMessage[], expected: number): readonly BatchResult[] {
  if (replies.length !== expected) {
    throw badReply(`the workload gave ${replies.length} results for a batch of ${expected}`);
  }
  return replies.map(resultOf);
}

function resultOf(reply: ModuleMessage): BatchResult {
  const { payload } = reply;
  if (payload?.$case === 'answer') return { ok: true, answer: payload.value };
  if (payload?.$case === 'error') return { ok: false, error: errorOf(payload.value) };
  return { ok: false, error: badReply(`the workload gave ${payload?.$case ?? 'nothing'} as a result`) };
}

function errorOf({ reason: named, message, retryAfter }: ErrorPayload): FrontierError {
  const isSpecific = isReason(named) && named !== 'MODULE_FAILED';
  const { reason, metadata } = isSpecific ? { reason: named, metadata: {} } : reasonByText('MODULE_FAILED', message);
  return new FrontierError(reason, message || 'the workload failed', {
    metadata,
    ...(retryAfter === undefined ? {} : { retryAfterMs: millisecondsOf(retryAfter) }),
  });
}

/** Gives the error for a reply that makes no sense. */
export function badReply(message: string, cause?: unknown): FrontierError {
  return new FrontierError('MODULE_BAD_REPLY', message, cause === undefined ? {} : { cause });
}

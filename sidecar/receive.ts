import { FrontierError } from '../core/errors.ts';
import type { JudgePriors, ModuleMessage, QueryPayload } from '../gen/frontier/common/v1/message.ts';
import { millisecondsOf } from './durations.ts';
import { checkPriors } from './judge.ts';

/** A query that has been checked, apart from what only the judge needs. */
export interface ReceivedQuery {
  readonly message: ModuleMessage;
  readonly query: QueryPayload;
  readonly priors: JudgePriors;
}

/**
 * Checks an envelope and takes the priors out of it, which no workload is to see. Throws INVALID_FIELD, EMPTY_QUERY,
 * or DEADLINE_EXCEEDED for a message that has outlived its time.
 */
export function receive(message: ModuleMessage | undefined, ownPriors: JudgePriors, nowMs: number): ReceivedQuery {
  if (message?.payload?.$case !== 'query') {
    throw new FrontierError('INVALID_FIELD', 'message.payload must hold a query', {
      metadata: { field: 'message.payload' },
    });
  }
  const query = message.payload.value;
  if (query.query.length === 0 && query.attachments.length === 0) {
    throw new FrontierError('EMPTY_QUERY', 'message.query.query must not be empty without attachments', {
      metadata: { field: 'message.query.query' },
    });
  }
  requireInTime(message, nowMs);
  const priors = query.priors ?? ownPriors;
  if (priors !== ownPriors) checkPriors(priors);
  // The decoded message is ours alone; a copy for each query would be for nothing.
  query.priors = undefined;
  return { message, query, priors };
}

function requireInTime({ header }: ModuleMessage, nowMs: number): void {
  if (header?.createTime === undefined || header.timeToLive === undefined) return;
  if (header.createTime.getTime() + millisecondsOf(header.timeToLive) < nowMs) {
    throw new FrontierError('DEADLINE_EXCEEDED', 'the message has outlived its time_to_live');
  }
}

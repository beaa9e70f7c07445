import { randomUUID } from 'node:crypto';
import { FrontierError } from '../../core/errors.ts';
import { MessagePriority } from '../../gen/frontier/common/v1/message.ts';
import type { ChatTurn as ChatTurnMessage } from '../../gen/frontier/common/v1/message.ts';
import {
  CachePolicy as CachePolicyMessage,
  StreamFailurePolicy as PolicyMessage,
  Strategy,
  type RouteRequest,
} from '../../gen/frontier/router/v1/router.ts';
import type { CachePolicy, ChatTurn, Priority, Query, StreamFailurePolicy } from '../domain/query.ts';
import { attachmentFromMessage } from './attachments.ts';
import { checkQuery, invalid, type QueryLimits } from './check-query.ts';

const CACHE_POLICIES: Readonly<Record<number, CachePolicy>> = {
  [CachePolicyMessage.NO_STORE]: 'no_store',
  [CachePolicyMessage.REFRESH]: 'refresh',
};

const PRIORITIES: Readonly<Record<number, Priority>> = {
  [MessagePriority.UNSPECIFIED]: 'normal',
  [MessagePriority.LOW]: 'low',
  [MessagePriority.NORMAL]: 'normal',
  [MessagePriority.HIGH]: 'high',
  [MessagePriority.CRITICAL]: 'critical',
};

/** Gives a request message as a checked query, with an id of its own if it has none. Throws with the field at fault. */
export function queryFromMessage(request: RouteRequest | undefined, limits: QueryLimits): Query {
  if (request === undefined) throw invalid('request', 'is missing');
  if (request.strategy !== undefined) checkStrategy(request.strategy);
  return checkQuery(
    {
      requestId: request.requestId === '' ? randomUUID() : request.requestId,
      text: request.query,
      userId: request.userId,
      context: request.context,
      parameters: request.parameters,
      attachments: request.attachments.map(attachmentFromMessage),
      history: request.history.map(turnFromMessage),
      // An empty string is what clients without field presence send for "not set".
      moduleId: request.moduleId === '' ? undefined : request.moduleId,
      maxCost: request.maxCost,
      explain: request.explain,
      streamFailurePolicy: policyFromMessage(request.streamFailurePolicy),
      priority: PRIORITIES[request.priority] ?? 'normal',
      sessionId: request.sessionId,
      cachePolicy: CACHE_POLICIES[request.cachePolicy] ?? 'use',
    },
    limits,
  );
}

function checkStrategy(strategy: Strategy): void {
  if (strategy === Strategy.UNSPECIFIED || strategy === Strategy.SEQUENTIAL) return;
  throw new FrontierError(
    'UNIMPLEMENTED',
    'this release goes through a plan one module after another: leave strategy out',
    {
      metadata: { field: 'strategy' },
    },
  );
}

function policyFromMessage(policy: PolicyMessage): StreamFailurePolicy {
  if (policy === PolicyMessage.CONTINUE) {
    throw new FrontierError(
      'UNIMPLEMENTED',
      'this release cannot go on from a partial answer: choose RESTART or NO_RESTART',
      {
        metadata: { field: 'stream_failure_policy' },
      },
    );
  }
  return policy === PolicyMessage.NO_RESTART ? 'no_restart' : 'restart';
}

function turnFromMessage({ role, content }: ChatTurnMessage, at: number): ChatTurn {
  if (role !== 'system' && role !== 'user' && role !== 'assistant') {
    throw invalid(`history[${at}].role`, 'must be "system", "user" or "assistant"');
  }
  return { role, content };
}

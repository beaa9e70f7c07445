import { randomUUID } from 'node:crypto';
import { MessagePriority } from '../../gen/frontier/common/v1/message.ts';
import type { ChatTurn as ChatTurnMessage } from '../../gen/frontier/common/v1/message.ts';
import {
  CachePolicy as CachePolicyMessage,
  StreamFailurePolicy as PolicyMessage,
  Strategy,
  type RouteRequest,
} from '../../gen/frontier/router/v1/router.ts';
import type { CachePolicy, ChatTurn, Query, Strategy as StrategyName, StreamFailurePolicy } from '../domain/query.ts';
import type { Priority } from '../domain/priority.ts';
import { attachmentFromMessage } from './attachments.ts';
import { checkQuery, invalid, type QueryLimits } from './check-query.ts';

const CACHE_POLICIES: Readonly<Record<number, CachePolicy>> = {
  [CachePolicyMessage.NO_STORE]: 'no_store',
  [CachePolicyMessage.REFRESH]: 'refresh',
};

const PRIORITIES: Readonly<Record<number, Priority>> = {
  [MessagePriority.LOW]: 'low',
  [MessagePriority.NORMAL]: 'normal',
  [MessagePriority.HIGH]: 'high',
  [MessagePriority.CRITICAL]: 'critical',
};

/** Gives a request message as a checked query, with an id of its own if it has none. Throws with the field at fault. */
export function queryFromMessage(request: RouteRequest | undefined, limits: QueryLimits): Query {
  if (request === undefined) throw invalid('request', 'is missing');
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
      ...strategyFromMessage(request.strategy),
      maxCost: request.maxCost,
      explain: request.explain,
      streamFailurePolicy: policyFromMessage(request.streamFailurePolicy),
      priority: PRIORITIES[request.priority],
      sessionId: request.sessionId,
      cachePolicy: CACHE_POLICIES[request.cachePolicy] ?? 'use',
    },
    limits,
  );
}

/** The configured strategy holds where a message names none. */
const STRATEGIES: Partial<Record<Strategy, StrategyName>> = {
  [Strategy.SEQUENTIAL]: 'sequential',
  [Strategy.PARALLEL]: 'parallel',
  [Strategy.HEDGED]: 'hedged',
  [Strategy.WEIGHTED_ROUND_ROBIN]: 'weighted_round_robin',
  [Strategy.ADAPTIVE]: 'adaptive',
};

function strategyFromMessage(strategy: Strategy | undefined): { strategy?: StrategyName } {
  const name = strategy === undefined ? undefined : STRATEGIES[strategy];
  return name === undefined ? {} : { strategy: name };
}

function policyFromMessage(policy: PolicyMessage): StreamFailurePolicy {
  if (policy === PolicyMessage.CONTINUE) return 'continue';
  return policy === PolicyMessage.NO_RESTART ? 'no_restart' : 'restart';
}

function turnFromMessage({ role, content }: ChatTurnMessage, at: number): ChatTurn {
  if (role !== 'system' && role !== 'user' && role !== 'assistant') {
    throw invalid(`history[${at}].role`, 'must be "system", "user" or "assistant"');
  }
  return { role, content };
}

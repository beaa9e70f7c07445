import type { FrontierError } from '../../core/errors.ts';
import { durationFromMs } from '../../core/modules/module-view.ts';
import { FinishReason as FinishReasonMessage, type ErrorPayload } from '../../gen/frontier/common/v1/message.ts';
import {
  ExecutionPath,
  Strategy,
  type Attempt,
  type ClassifyResponse,
  type Explanation as ExplanationMessage,
  type Plan as PlanMessage,
  type RouteMetadata,
  type RouteResponse,
  type StreamRouteResponse,
} from '../../gen/frontier/router/v1/router.ts';
import type { Classification } from '../classification/classifier.ts';
import type { Explanation } from '../decide/explain.ts';
import type { Plan } from '../decide/plan.ts';
import type { AttemptRecord, FinishReason } from '../domain/answer.ts';
import type { Strategy as StrategyName } from '../domain/query.ts';
import type { RouteEvent } from '../domain/events.ts';
import type { RouteResult } from '../domain/route-result.ts';
import { attachmentToMessage } from './attachments.ts';

const FINISH_REASONS: Readonly<Record<FinishReason, FinishReasonMessage>> = {
  unspecified: FinishReasonMessage.UNSPECIFIED,
  stop: FinishReasonMessage.STOP,
  length: FinishReasonMessage.LENGTH,
  content_filter: FinishReasonMessage.CONTENT_FILTER,
};

/** Gives a result as its message. */
export function resultToMessage(result: RouteResult): RouteResponse {
  return {
    content: result.answer.content,
    confidenceScore: result.answer.confidence.score,
    processingTime: result.processingMs / 1000,
    moduleUsed: result.moduleId,
    fallbackUsed: result.fallbackUsed,
    metadata: metadataToMessage(result),
  };
}

function metadataToMessage(result: RouteResult): RouteMetadata {
  const { answer } = result;
  return {
    tokenCount: answer.usage.completionTokens,
    qualityMetrics: answer.confidence.quality,
    queryClass: result.queryClass,
    queryClassProbability: result.queryClassProbability,
    attempts: result.attempts.map(attemptToMessage),
    cost: result.cost,
    cacheHit: result.cacheHit,
    traceId: result.traceId,
    explanation: result.explanation === undefined ? undefined : explanationToMessage(result.explanation),
    requestId: result.requestId,
    confidence: answer.confidence,
    usage: answer.usage,
    finishReason: FINISH_REASONS[answer.finishReason],
    continuation: result.continuation ?? false,
    coldStartSeconds: result.coldStartMs / 1000,
    attachments: answer.attachments.map(attachmentToMessage),
  };
}

function attemptToMessage(attempt: AttemptRecord): Attempt {
  return {
    moduleId: attempt.moduleId,
    accepted: attempt.accepted,
    reason: attempt.reason ?? '',
    latency: attempt.latencyMs / 1000,
    cost: attempt.cost,
    confidenceScore: attempt.confidenceScore,
    usage: attempt.usage,
    usageEstimated: attempt.usageEstimated ?? false,
    replicaId: '',
  };
}

const STRATEGIES: Readonly<Record<StrategyName, Strategy>> = {
  sequential: Strategy.SEQUENTIAL,
  parallel: Strategy.PARALLEL,
  hedged: Strategy.HEDGED,
  weighted_round_robin: Strategy.WEIGHTED_ROUND_ROBIN,
  adaptive: Strategy.ADAPTIVE,
};

function planToMessage(plan: Plan): PlanMessage {
  return {
    steps: plan.steps.map(({ expectedWaitMs, share, heldOff, ...step }) => ({
      ...step,
      expectedWaitSeconds: expectedWaitMs / 1000,
      share: share?.fraction,
      shareReason: share?.reason ?? '',
      heldOff: heldOff === true,
    })),
    strategy: STRATEGIES[plan.strategy ?? 'sequential'],
    abstained: plan.abstained,
    path: ExecutionPath.FULL,
    explores: plan.explores,
    wakeModuleIds: [...plan.wake],
  };
}

/** Gives an explanation as its message. */
export function explanationToMessage(explanation: Explanation): ExplanationMessage {
  return {
    probabilities: [...explanation.probabilities],
    plan: planToMessage(explanation.plan),
    exclusions: [...explanation.plan.exclusions],
    signals: [...explanation.signals],
    summary: explanation.summary,
    stages: explanation.stages.map(({ stage, ms }) => ({ stage, seconds: ms / 1000 })),
  };
}

/** Gives a classification with what would be done as its message. */
export function classificationToMessage(classification: Classification, explanation: Explanation): ClassifyResponse {
  const { queryClass, probability, probabilities, stage, margin } = classification;
  return {
    queryClass,
    probability,
    probabilities: [...probabilities],
    stage,
    margin,
    explanation: explanationToMessage(explanation),
  };
}

/** Gives an event as its message. */
export function eventToMessage(event: RouteEvent): StreamRouteResponse {
  return { event: eventCase(event) };
}

function eventCase(event: RouteEvent): StreamRouteResponse['event'] {
  switch (event.kind) {
    case 'decision': {
      const { classification, plan } = event.decision;
      const { queryClass, probabilities } = classification;
      const value = {
        queryClass,
        probabilities: [...probabilities],
        plan: planToMessage(plan),
        requestId: event.requestId,
      };
      return { $case: 'decision', value };
    }
    case 'warming': {
      const { moduleId, progress, stage, expectedReadyAtMs } = event;
      const expectedReadyTime = expectedReadyAtMs === undefined ? undefined : new Date(expectedReadyAtMs);
      return { $case: 'warming', value: { moduleId, progress, stage, expectedReadyTime } };
    }
    case 'token':
      return { $case: 'token', value: event };
    case 'attempt_failed':
      return { $case: 'attemptFailed', value: event };
    case 'fallback':
      return { $case: 'fallback', value: event };
    case 'confidence':
      return { $case: 'confidence', value: event.report };
    case 'usage':
      return { $case: 'usage', value: event.usage };
    case 'done':
      return { $case: 'done', value: resultToMessage(event.result) };
  }
}

/** Gives an error as the payload that stands in place of a bulk answer. */
export function errorToMessage(error: FrontierError): ErrorPayload {
  const { code, reason, message, retryAfterMs } = error;
  return { code, reason, message, retryAfter: retryAfterMs === undefined ? undefined : durationFromMs(retryAfterMs) };
}

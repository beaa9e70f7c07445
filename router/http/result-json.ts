import type { Explanation } from '../decide/explain.ts';
import type { Plan } from '../decide/plan.ts';
import type { AttemptRecord, ConfidenceReport, TokenUsage } from '../domain/answer.ts';
import type { RouteEvent } from '../domain/events.ts';
import type { Attachment } from '../domain/query.ts';
import type { RouteResult } from '../domain/route-result.ts';
import type { Classification, ClassProbability } from '../classification/classifier.ts';

/** The public JSON: snake_case, times in seconds. */

/** Response of POST /api/v1/route. */
export function resultJson(result: RouteResult) {
  return {
    content: result.answer.content,
    confidence_score: result.answer.confidence.score,
    processing_time: result.processingMs / 1000,
    module_used: result.moduleId,
    fallback_used: result.fallbackUsed,
    metadata: metadataJson(result),
  };
}

function metadataJson({ answer, explanation, ...result }: RouteResult) {
  return {
    token_count: answer.usage.completionTokens,
    quality_metrics: answer.confidence.quality,
    query_class: result.queryClass,
    query_class_probability: result.queryClassProbability,
    attempts: result.attempts.map(attemptJson),
    cost: result.cost,
    cache_hit: result.cacheHit,
    trace_id: result.traceId,
    request_id: result.requestId,
    confidence: confidenceJson(answer.confidence),
    usage: usageJson(answer.usage),
    finish_reason: answer.finishReason,
    continuation: result.continuation ?? false,
    cold_start_seconds: result.coldStartMs / 1000,
    attachments: answer.attachments.map(attachmentJson),
    ...(explanation === undefined ? {} : { explanation: explanationJson(explanation) }),
  };
}

function attemptJson({ moduleId, accepted, reason, latencyMs, cost, confidenceScore, ...spent }: AttemptRecord) {
  return {
    module_id: moduleId,
    accepted,
    reason: reason ?? '',
    latency: latencyMs / 1000,
    cost,
    ...(confidenceScore === undefined ? {} : { confidence_score: confidenceScore }),
    ...(spent.usage === undefined ? {} : { usage: usageJson(spent.usage) }),
    ...(spent.usageEstimated === true ? { usage_estimated: true } : {}),
  };
}

function confidenceJson({ selfAssessment, rawScore, ...report }: ConfidenceReport) {
  return { ...report, self_assessment: selfAssessment, raw_score: rawScore };
}

function usageJson({ promptTokens, completionTokens }: TokenUsage) {
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens };
}

function attachmentJson({ mediaType, source, name }: Attachment) {
  const where = source.kind === 'uri' ? { uri: source.uri } : { data: Buffer.from(source.data).toString('base64') };
  return { media_type: mediaType, name, ...where };
}

/** An explanation, as in metadata.explanation. */
export function explanationJson({ probabilities, plan, signals, summary, stages }: Explanation) {
  return {
    probabilities: probabilities.map(probabilityJson),
    plan: planJson(plan),
    exclusions: plan.exclusions.map(({ moduleId, reason, detail }) => ({ module_id: moduleId, reason, detail })),
    signals: signals.map(({ name, queryClass, weight }) => ({ name, query_class: queryClass, weight })),
    summary,
    stages: stages.map(({ stage, ms }) => ({ stage, seconds: ms / 1000 })),
  };
}

function planJson({ steps, abstained, strategy = 'sequential', explores, wake }: Plan) {
  return {
    steps: steps.map((step) => ({
      module_id: step.moduleId,
      score: step.score,
      ready: step.ready,
      confidence_threshold: step.confidenceThreshold,
      expected_cost: step.expectedCost,
      expected_wait_seconds: step.expectedWaitMs / 1000,
      factors: step.factors,
      ...(step.share === undefined
        ? {}
        : { share: step.share.fraction, share_reason: step.share.reason, held_off: step.heldOff === true }),
    })),
    strategy,
    abstained,
    explores,
    wake_module_ids: wake,
  };
}

function probabilityJson({ queryClass, probability }: ClassProbability) {
  return { query_class: queryClass, probability };
}

/** Response of POST /api/v1/classify. */
export function classificationJson(classification: Classification, explanation: Explanation) {
  return {
    query_class: classification.queryClass,
    probability: classification.probability,
    probabilities: classification.probabilities.map(probabilityJson),
    margin: classification.margin,
    stage: classification.stage,
    explanation: explanationJson(explanation),
  };
}

/** Data of one server-sent event. */
export function eventJson(event: RouteEvent) {
  switch (event.kind) {
    case 'decision': {
      const { classification, plan } = event.decision;
      return {
        query_class: classification.queryClass,
        probabilities: classification.probabilities.map(probabilityJson),
        plan: planJson(plan),
        request_id: event.requestId,
      };
    }
    case 'warming':
      return {
        module_id: event.moduleId,
        progress: event.progress,
        stage: event.stage,
        ...(event.expectedReadyAtMs === undefined
          ? {}
          : { expected_ready_time: new Date(event.expectedReadyAtMs).toISOString() }),
      };
    case 'token':
      return { text: event.text, index: event.index, module_id: event.moduleId };
    case 'attempt_failed':
      return { module_id: event.moduleId, reason: event.reason, discard: event.discard, detail: event.detail };
    case 'fallback':
      return { from_module_id: event.fromModuleId, to_module_id: event.toModuleId };
    case 'confidence':
      return confidenceJson(event.report);
    case 'usage':
      return usageJson(event.usage);
    case 'done':
      return resultJson(event.result);
  }
}

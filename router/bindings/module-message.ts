import { Code, FrontierError, isReason } from '../../core/errors.ts';
import { durationToMs } from '../../core/modules/module-view.ts';
import type { TraceHeaders } from '../../core/telemetry/tracing.ts';
import {
  FinishReason as FinishReasonMessage,
  MessageType,
  type AnswerPayload,
  type ErrorPayload,
  type JudgePriors as JudgePriorsMessage,
  type ModuleMessage,
  type TraceContext,
} from '../../gen/frontier/common/v1/message.ts';
import type { ConfidenceReport as ConfidenceMessage } from '../../gen/frontier/common/v1/quality.ts';
import type { ConfidenceReport, FinishReason, JudgedAnswer, JudgePriors } from '../domain/answer.ts';
import type { Query } from '../domain/query.ts';
import { attachmentFromMessage, attachmentToMessage } from './attachments.ts';
import { PRIORITY_MESSAGES } from './priority-message.ts';

const SOURCE = 'router';

const FINISH_REASONS: Readonly<Record<number, FinishReason>> = {
  [FinishReasonMessage.STOP]: 'stop',
  [FinishReasonMessage.LENGTH]: 'length',
  [FinishReasonMessage.CONTENT_FILTER]: 'content_filter',
};

/** What goes into the envelope of a query. */
export interface Envelope {
  readonly messageId: string;
  readonly moduleId: string;
  readonly tenant: string;
  readonly trace: TraceHeaders;
}

/** Gives a query in its envelope. */
export function queryToMessage(envelope: Envelope, query: Query, priors: JudgePriorsMessage): ModuleMessage {
  return {
    header: {
      messageId: envelope.messageId,
      correlationId: '',
      source: SOURCE,
      destination: envelope.moduleId,
      type: MessageType.REQUEST,
      priority: PRIORITY_MESSAGES[query.priority ?? 'normal'],
      createTime: undefined,
      timeToLive: undefined,
      trace: traceToMessage(envelope.trace),
      tenant: envelope.tenant,
    },
    payload: {
      $case: 'query',
      value: {
        query: query.text,
        context: query.context,
        parameters: query.parameters,
        attachments: query.attachments.map(attachmentToMessage),
        history: query.history.map(({ role, content }) => ({ role, content })),
        priors,
      },
    },
    metadata: undefined,
  };
}

function traceToMessage({ traceparent, tracestate }: TraceHeaders): TraceContext | undefined {
  return traceparent === undefined ? undefined : { traceparent, tracestate: tracestate ?? '' };
}

/** Gives what the judge is to know as its message. */
export function priorsToMessage({ calibration, ...priors }: JudgePriors): JudgePriorsMessage {
  return { ...priors, calibration: [...calibration] };
}

/** Gives the judged answer in a sidecar's message. Throws the error in it, or MODULE_BAD_REPLY when it is neither. */
export function answerFromMessage(message: ModuleMessage | undefined): JudgedAnswer {
  const payload = message?.payload;
  if (payload?.$case === 'error') throw errorFromPayload(payload.value);
  if (payload?.$case !== 'answer') throw new FrontierError('MODULE_BAD_REPLY', 'the reply holds no answer');
  return answerFromPayload(payload.value);
}

function answerFromPayload(answer: AnswerPayload): JudgedAnswer {
  if (answer.confidence === undefined)
    throw new FrontierError('MODULE_BAD_REPLY', 'the answer has no confidence report');
  if (answer.content === '' && answer.attachments.length === 0)
    throw new FrontierError('MODULE_EMPTY_REPLY', 'the answer is empty');
  return {
    content: answer.content,
    finishReason: FINISH_REASONS[answer.finishReason] ?? 'unspecified',
    usage: answer.usage ?? { promptTokens: 0, completionTokens: 0 },
    confidence: confidenceFromMessage(answer.confidence),
    attachments: answer.attachments.map(attachmentFromMessage),
  };
}

const NO_QUALITY = { relevance: 0, coherence: 0, accuracy: 0, completeness: 0, safety: 0 };

function confidenceFromMessage(report: ConfidenceMessage): ConfidenceReport {
  return report.quality === undefined ? { ...report, quality: NO_QUALITY } : (report as ConfidenceReport);
}

/** Gives an error that travelled as a payload. */
export function errorFromPayload({ code, reason, message, retryAfter }: ErrorPayload): FrontierError {
  const known = isReason(reason) ? reason : code === Code.UNAVAILABLE ? 'MODULE_UNAVAILABLE' : 'MODULE_FAILED';
  return new FrontierError(known, message, retryAfter === undefined ? {} : { retryAfterMs: durationToMs(retryAfter) });
}

import type { ModuleMessage } from '../../gen/frontier/common/v1/message.ts';
import {
  FinishReason,
  MessageType,
  ModuleMessage as ModuleMessageCodec,
} from '../../gen/frontier/common/v1/message.ts';
import { RouteRequest, RouteResponse } from '../../gen/frontier/router/v1/router.ts';

/** The module that answers at once; its class is GENERAL, so that the query below goes to it. */
export const INSTANT_MODULE_ID = 'instant';

export const REQUEST = RouteRequest.fromPartial({ query: 'What is the capital of France?', userId: 'bench' });

const CONTENT = 'The capital of France is Paris.';

/** What the baselines answer: a response of the form and size of the router's. */
export const RESPONSE = RouteResponse.fromPartial({
  content: CONTENT,
  confidenceScore: 0.9,
  processingTime: 0.001,
  moduleUsed: INSTANT_MODULE_ID,
  metadata: { tokenCount: 7, queryClass: 'GENERAL', queryClassProbability: 0.95, requestId: 'r-1', cost: 0 },
});

const QUALITY = { relevance: 0.9, coherence: 0.9, accuracy: 0.9, completeness: 0.9, safety: 1 };

/** The instant module's judged answer to one query. */
export function instantAnswer(query: ModuleMessage): ModuleMessage {
  return ModuleMessageCodec.fromPartial({
    header: {
      messageId: query.header?.messageId ?? '',
      correlationId: query.header?.messageId ?? '',
      source: INSTANT_MODULE_ID,
      type: MessageType.RESPONSE,
    },
    payload: {
      $case: 'answer',
      value: {
        content: CONTENT,
        finishReason: FinishReason.STOP,
        usage: { promptTokens: 7, completionTokens: 7 },
        selfAssessment: 0.9,
        confidence: {
          score: 0.9,
          selfAssessment: 0.9,
          quality: QUALITY,
          history: 0.9,
          time: 1,
          structure: 0.9,
          rawScore: 0.9,
          threshold: 0.3,
          accepted: true,
        },
      },
    },
  });
}

import { FinishReason } from '../gen/frontier/common/v1/message.ts';
import type { AnswerPayload } from '../gen/frontier/common/v1/message.ts';
import type { StreamEvent } from './adapters/adapter.ts';
import { answerPayload } from './adapters/openai-reply.ts';

/** Gives the answer that ends a stream. A workload may leave out of its last message what it has said in pieces. */
export function wholeAnswer(
  { answer }: Extract<StreamEvent, { kind: 'answer' }>,
  pieces: readonly string[],
  probability: number | undefined,
): AnswerPayload {
  const content = answer.content === '' ? pieces.join('') : answer.content;
  return { ...answer, content, selfAssessment: answer.selfAssessment ?? probability };
}

/** Gives the answer of a workload that was stopped while it wrote. */
export function cutAnswer(pieces: readonly string[], probability: number | undefined): AnswerPayload {
  return answerPayload({
    content: pieces.join(''),
    finishReason: FinishReason.UNSPECIFIED,
    usage: undefined,
    selfAssessment: probability,
  });
}

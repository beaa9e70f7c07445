import type { Query } from '../domain/query.ts';
import type { AttemptOutcome } from './attempt.ts';

/** What a module is asked that is to go on from another one's partial answer. */
const GO_ON =
  'Continue your previous answer exactly from where it stops, in the middle of a sentence if need be. ' +
  'Do not repeat anything of it, do not begin anew and do not comment on it.';

/** Gives the query as it is, or, when a partial answer has been sent, one that asks to go on from it. */
export function continuationOf(query: Query, partial: string): Query {
  if (partial === '') return query;
  const history = [
    ...query.history,
    { role: 'user' as const, content: query.text },
    { role: 'assistant' as const, content: partial },
  ];
  return { ...query, text: GO_ON, history };
}

/** Gives an outcome whose answer holds the partial answer that has been sent before it, so that the tokens add up to it. */
export function withPartial(outcome: AttemptOutcome, partial: string): AttemptOutcome {
  if (outcome.kind === 'failed' || partial === '') return outcome;
  return { ...outcome, answer: { ...outcome.answer, content: partial + outcome.answer.content } };
}

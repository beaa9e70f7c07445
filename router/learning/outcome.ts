import { z } from 'zod';
import type { Decision } from '../decide/decide.ts';
import type { RouteResult } from '../domain/route-result.ts';

const fraction = z.number().min(0).max(1);

/** One line of the outcome log: which modules could have answered first, which did, and how that went. No words of the query. */
export const outcomeSchema = z.object({
  request_id: z.string(),
  query_class: z.string().min(1),
  candidates: z.array(z.string().min(1)).min(1),
  module_id: z.string().min(1),
  accepted: z.boolean(),
  confidence: fraction.optional(),
  latency_ms: z.number().min(0),
  cost: z.number().min(0),
});

export type LoggedOutcome = z.output<typeof outcomeSchema>;

/** Gives what is logged of an answered request: its first attempt, by which the choice is judged; undefined when nothing was tried. */
export function outcomeOf({ plan, classification }: Decision, result: RouteResult): LoggedOutcome | undefined {
  const [first] = result.attempts;
  if (first === undefined) return undefined;
  return {
    request_id: result.requestId,
    query_class: classification.queryClass,
    candidates: plan.steps.map(({ moduleId }) => moduleId),
    module_id: first.moduleId,
    accepted: first.accepted,
    ...(first.confidenceScore === undefined ? {} : { confidence: first.confidenceScore }),
    latency_ms: first.latencyMs,
    cost: first.cost,
  };
}

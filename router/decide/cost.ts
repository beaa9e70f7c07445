import type { ModuleSpec } from '../../core/config/schema.ts';
import type { TokenUsage } from '../domain/answer.ts';
import type { Query } from '../domain/query.ts';

/** Characters of a token, on average over English text. */
const CHARS_PER_TOKEN = 4;
/** Tokens of an answer when neither the query nor the module limits them. */
const DEFAULT_COMPLETION_TOKENS = 256;

/** Gives what an answer's tokens cost at a module. */
export function costOf(spec: ModuleSpec, usage: TokenUsage): number {
  const { per_request, per_1k_prompt_tokens, per_1k_completion_tokens } = spec.price;
  return (
    per_request + (usage.promptTokens * per_1k_prompt_tokens + usage.completionTokens * per_1k_completion_tokens) / 1000
  );
}

/** Gives about how many tokens a query takes with its history. */
export function promptTokens(query: Query): number {
  let chars = query.text.length;
  for (const turn of query.history) chars += turn.content.length;
  return Math.ceil(chars / CHARS_PER_TOKEN);
}

/** Gives what a query is expected to cost at a module, from its length and the limit on the answer's tokens. */
export function expectedCost(spec: ModuleSpec, query: Query): number {
  return costOf(spec, { promptTokens: promptTokens(query), completionTokens: completionLimit(spec, query) });
}

/** Tells whether an answer of a module costs the same whatever the query. */
export function hasFlatPrice({ price }: ModuleSpec): boolean {
  return price.per_1k_prompt_tokens === 0 && price.per_1k_completion_tokens === 0;
}

function completionLimit(spec: ModuleSpec, query: Query): number {
  const asked = query.parameters?.['max_tokens'];
  if (typeof asked === 'number' && asked >= 0 && asked < Infinity) return asked;
  const configured = spec.adapter.type === 'openai' ? spec.adapter.max_tokens : undefined;
  return configured ?? DEFAULT_COMPLETION_TOKENS;
}

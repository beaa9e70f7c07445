import type { ModuleSpec } from '../../core/config/schema.ts';
import type { Query } from '../domain/query.ts';

/**
 * Gives a query whose answer is at most `cap` tokens long: the caller's own limit, or the module's, holds where it is lower. The
 * query itself when nothing is to be cut.
 */
export function withTokenCap(query: Query, spec: ModuleSpec | undefined, cap: number | undefined): Query {
  if (cap === undefined) return query;
  const asked = query.parameters?.['max_tokens'];
  const configured = spec?.adapter.type === 'openai' ? spec.adapter.max_tokens : undefined;
  const limit = typeof asked === 'number' ? asked : configured;
  if (limit !== undefined && limit <= cap) return query;
  return { ...query, parameters: { ...query.parameters, max_tokens: cap } };
}

import { PRIORITIES } from '../../core/config/overload-schema.ts';
import { parsePriority, type Priority } from '../domain/priority.ts';
import { invalid } from './check-query.ts';

/** Header, over HTTP, and metadata, over gRPC, by which a request asks for a priority; a field of the query comes before it. */
export const PRIORITY_HEADER = 'x-frontier-priority';

/** Gives the priority that the header asks for. Throws INVALID_FIELD when it is none. */
export function askedPriority(text: string | undefined): Priority | undefined {
  if (text === undefined) return undefined;
  const priority = parsePriority(text);
  if (priority === undefined) throw invalid(PRIORITY_HEADER, `must be one of ${PRIORITIES.join(', ')}`);
  return priority;
}

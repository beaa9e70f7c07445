import type { QueryClass } from '../../core/config/schema.ts';

/** What must be known of an answer to take feedback on it. */
export interface RecentRequest {
  readonly tenant: string;
  readonly moduleId: string;
  readonly queryClass: QueryClass;
  /** Score of the answer before calibration, and the one that was told. */
  readonly rawScore: number;
  readonly score: number;
}

/** The last answers, by request id. */
export interface RecentRequests {
  /** `request` may be shared by many ids. */
  add(requestId: string, request: RecentRequest): void;
  /** Gives an answer of the tenant and forgets it, so that it is judged once; undefined when it is unknown or too old. */
  take(requestId: string, tenant: string): RecentRequest | undefined;
}

const GENERATION = 10_000;

/**
 * Remembers the last 10,000 answers, and up to as many before. In two generations: dropping a whole map costs nothing for
 * each answer, which deleting the oldest entry of one map does.
 */
export function createRecentRequests(): RecentRequests {
  let young = new Map<string, RecentRequest>();
  let old = new Map<string, RecentRequest>();
  return {
    add(requestId, request) {
      if (young.size >= GENERATION) {
        old = young;
        young = new Map();
      }
      young.set(requestId, request);
    },
    take(requestId, tenant) {
      const generation = young.has(requestId) ? young : old;
      const request = generation.get(requestId);
      if (request?.tenant !== tenant) return undefined;
      young.delete(requestId);
      old.delete(requestId);
      return request;
    },
  };
}

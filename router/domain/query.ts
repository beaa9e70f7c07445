import type { Priority } from './priority.ts';

/** Open data as JSON has it. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A file that belongs to a query or an answer. */
export interface Attachment {
  /** IANA media type, e.g. "image/png". */
  readonly mediaType: string;
  readonly source:
    { readonly kind: 'data'; readonly data: Uint8Array } | { readonly kind: 'uri'; readonly uri: string };
  /** Name of the file as the user knows it; may be empty. */
  readonly name: string;
}

/** An earlier message of a conversation. */
export interface ChatTurn {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** What happens when a streamed answer fails after its first token. */
export type StreamFailurePolicy = 'restart' | 'no_restart' | 'continue';

/** How a plan is gone through. */
export const STRATEGIES = ['sequential', 'parallel', 'hedged', 'weighted_round_robin', 'adaptive'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** Whether cached answers may be used and stored; `refresh` stores but does not use. */
export type CachePolicy = 'use' | 'refresh' | 'no_store';

/** One request, checked. */
export interface Query {
  /** Chosen by the caller, or made on arrival. */
  readonly requestId: string;
  readonly text: string;
  /** User on whose behalf the query is asked; may be empty. */
  readonly userId: string;
  readonly context: JsonObject | undefined;
  readonly parameters: JsonObject | undefined;
  readonly attachments: readonly Attachment[];
  readonly history: readonly ChatTurn[];
  /** Module that is to answer; the router chooses when left out. */
  readonly moduleId: string | undefined;
  /** Whether the module's configured fallbacks may stand in for it. */
  readonly mayFallBack?: boolean;
  /** In place of the configured one. */
  readonly strategy?: Strategy;
  /** Highest cost of the answer; no ceiling when left out. */
  readonly maxCost: number | undefined;
  readonly explain: boolean;
  readonly streamFailurePolicy: StreamFailurePolicy;
  /** Priority asked for, and after admission the one that holds; the tenant's own when undefined. */
  readonly priority: Priority | undefined;
  /** Session whose queries should go to the same module; may be empty. */
  readonly sessionId: string;
  readonly cachePolicy: CachePolicy;
  /** Longest answer that pressure leaves, in tokens; set by the router. */
  readonly tokenCap?: number;
}

/** Gives a query of which nothing but its id and words is set. */
export function plainQuery(requestId: string, text: string): Query {
  return {
    requestId,
    text,
    userId: '',
    context: undefined,
    parameters: undefined,
    attachments: [],
    history: [],
    moduleId: undefined,
    maxCost: undefined,
    explain: false,
    streamFailurePolicy: 'restart',
    priority: undefined,
    sessionId: '',
    cachePolicy: 'use',
  };
}

/** What a shipped module does, apart from how it is called: a query in, pieces and then the whole answer out. */

/** A file that belongs to a query. */
export interface QueryAttachment {
  /** IANA media type in lower case, without parameters, e.g. "image/png". */
  readonly mediaType: string;
  /** Name as the user knows it; may be empty. */
  readonly name: string;
  readonly source:
    { readonly kind: 'data'; readonly bytes: Uint8Array } | { readonly kind: 'uri'; readonly uri: string };
}

/** One earlier message of the conversation. */
export interface Turn {
  readonly role: string;
  readonly content: string;
}

export interface Query {
  readonly text: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly attachments: readonly QueryAttachment[];
  readonly history: readonly Turn[];
}

export interface Answer {
  readonly content: string;
  /** "stop": the answer is whole; "length": the token limit cut it. */
  readonly finishReason: 'stop' | 'length';
  readonly usage?: { readonly promptTokens: number; readonly completionTokens: number };
  /** How sure the module is of the answer, from 0 to 1. */
  readonly selfAssessment?: number;
}

export type AnswerEvent =
  | { readonly kind: 'piece'; readonly text: string; readonly probability?: number }
  /** The last event; its content is the pieces joined. */
  | { readonly kind: 'answer'; readonly answer: Answer };

export interface Description {
  readonly name: string;
  readonly version: string;
  readonly acceptedMediaTypes: readonly string[];
  /** Queries handled at the same time. */
  readonly maxConcurrency: number;
  /** Tokens that a query and its answer may take together; 0 when that means nothing. */
  readonly contextTokens: number;
}

export interface Answerer {
  readonly description: Description;
  /** Answers piece by piece. Throws a FrontierError; ends with the signal's reason soon after it aborts. */
  answer(query: Query, signal: AbortSignal): AsyncIterable<AnswerEvent>;
  /** Frees what the module holds. */
  close(): Promise<void>;
}

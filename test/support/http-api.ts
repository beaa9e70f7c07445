/** The HTTP API as its users see it: plain fetch and the documented JSON, so that a change of form shows. */

export interface RouteBody {
  readonly query?: unknown;
  readonly user_id?: string;
  readonly context?: Record<string, unknown>;
  readonly parameters?: Record<string, unknown>;
  readonly attachments?: readonly { readonly media_type: string; readonly data: string; readonly name?: string }[];
  readonly module_id?: string;
  readonly explain?: boolean;
  readonly session_id?: string;
  readonly cache_policy?: 'use' | 'refresh' | 'no_store';
}

export interface RouteAnswer {
  readonly content: string;
  readonly confidence_score: number;
  readonly processing_time: number;
  readonly module_used: string;
  readonly fallback_used: boolean;
  readonly metadata: {
    readonly token_count: number;
    readonly quality_metrics: Record<'relevance' | 'coherence' | 'accuracy' | 'completeness' | 'safety', number>;
    readonly query_class: string;
    readonly trace_id: string;
    readonly attempts: readonly { readonly module_id: string; readonly accepted: boolean; readonly reason: string }[];
  };
}

/** RFC 9457, with our reason beside it. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly reason: string;
}

export interface Reply<T> {
  readonly status: number;
  readonly contentType: string;
  readonly body: T;
}

/** Sends `body` as it is when it is text or bytes, otherwise as JSON; gives the parsed reply, whatever its status. */
export async function post<T>(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Reply<T>> {
  const raw = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: raw as NonNullable<RequestInit['body']>,
    ...(signal === undefined ? {} : { signal }),
  });
  return await read<T>(response);
}

export async function get<T>(url: string): Promise<Reply<T>> {
  return await read<T>(await fetch(url));
}

async function read<T>(response: Response): Promise<Reply<T>> {
  const text = await response.text();
  const contentType = response.headers.get('content-type') ?? '';
  try {
    return { status: response.status, contentType, body: JSON.parse(text) as T };
  } catch {
    throw new Error(`${response.url} gave ${response.status} ${contentType}, which is not JSON: ${text.slice(0, 500)}`);
  }
}

/** Asks a query and gives the answer; throws with the problem when there is none. */
export async function ask(url: string, body: RouteBody): Promise<RouteAnswer> {
  const reply = await post<RouteAnswer>(`${url}/api/v1/route`, body);
  if (reply.status !== 200) throw new Error(`${reply.status}: ${JSON.stringify(reply.body)}`);
  return reply.body;
}

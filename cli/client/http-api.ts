import { FrontierError, isReason, messageOf } from '../../core/errors.ts';
import type { Target } from './target.ts';

const TIMEOUT_MS = 30_000;

/** Calls the HTTP API and gives the body of its answer. Throws what the API's problem says, or SERVICE_UNAVAILABLE. */
export async function callApi(target: Target, method: 'GET' | 'POST', path: string, json?: object): Promise<unknown> {
  const headers: Record<string, string> = {
    ...(target.apiKey === undefined ? {} : { authorization: `Bearer ${target.apiKey}` }),
    ...(json === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const sent = json === undefined ? {} : { body: JSON.stringify(json) };
  let response: Response;
  try {
    response = await fetch(target.url + path, { method, headers, ...sent, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new FrontierError('SERVICE_UNAVAILABLE', `nothing answers at ${target.url}: ${messageOf(cause)}`, {
      cause: error,
    });
  }
  const body = await bodyOf(response);
  if (response.ok) return body;
  throw errorOf(body, response.status, target.url + path);
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function errorOf(body: unknown, status: number, address: string): FrontierError {
  const problem = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const { reason, detail } = problem;
  return new FrontierError(
    typeof reason === 'string' && isReason(reason) ? reason : 'SERVICE_UNAVAILABLE',
    typeof detail === 'string' ? detail : `${address} answered with ${status}`,
  );
}

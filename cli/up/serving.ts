import type { Clock } from '../../core/clock.ts';
import { FrontierError, messageOf } from '../../core/errors.ts';

const POLL_MS = 50;
const TRY_TIMEOUT_MS = 2_000;

/** Waits until `url` answers with 200. Throws SERVICE_UNAVAILABLE after `timeoutMs`, or the signal's reason when it aborts. */
export async function untilServing(
  url: string,
  { clock, timeoutMs, signal }: { readonly clock: Clock; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  for (;;) {
    const last = await statusOf(url);
    if (last === '200') return;
    if (clock.monotonicMs() > deadlineMs) {
      throw new FrontierError('SERVICE_UNAVAILABLE', `${url} did not answer within ${timeoutMs / 1000} s (${last})`);
    }
    await clock.sleep(POLL_MS, signal);
  }
}

async function statusOf(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TRY_TIMEOUT_MS) });
    await response.body?.cancel();
    return String(response.status);
  } catch (error) {
    return messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
  }
}

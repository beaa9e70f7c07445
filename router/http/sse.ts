import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** Sends a sequence of server-sent event texts; the sequence is left when the client goes away. */
export function sendEvents(reply: FastifyReply, events: AsyncIterable<string>): FastifyReply {
  // Buffering proxies would hold the tokens back.
  void reply
    .header('content-type', 'text/event-stream')
    .header('cache-control', 'no-store')
    .header('x-accel-buffering', 'no');
  return reply.send(Readable.from(events, { objectMode: false }));
}

/** One event with its name. */
export function namedEvent(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** One event without a name, as OpenAI sends them. */
export function dataEvent(data: string): string {
  return `data: ${data}\n\n`;
}

/** A line that clients pass over; it keeps the connection alive. */
export function commentEvent(text: string): string {
  return `: ${text}\n\n`;
}

/**
 * Gives a sequence whose first items have been waited for, so that a failure until `started` holds can still be told by the
 * response's status.
 */
export async function startedSequence<T>(
  source: AsyncGenerator<T, void, undefined>,
  started: (item: T) => boolean,
): Promise<AsyncGenerator<T, void, undefined>> {
  const head: T[] = [];
  for (;;) {
    const { value, done } = await source.next();
    if (done === true) break;
    head.push(value);
    if (started(value)) break;
  }
  return joined(head, source);
}

async function* joined<T>(
  head: readonly T[],
  rest: AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* head;
    yield* rest;
  } finally {
    await rest.return();
  }
}

import { TextDecoder } from 'node:util';
import { badReply } from './grpc-replies.ts';
import { strictly } from './strict-text.ts';

/** Longest event, in characters. */
const LONGEST_EVENT = 1024 * 1024;

/** An event that has data; its name is empty when it says none. */
export interface ServerSentEvent {
  readonly name: string;
  readonly data: string;
}

/**
 * Gives each server-sent event with data (WHATWG HTML, 9.2.6): lines end by LF, CR or CRLF, data lines of one event are
 * joined, comments and other fields are passed over. An event that the end of the stream cuts off is dropped, as the
 * standard says. Throws MODULE_BAD_REPLY for one without bound, and for bytes that are no UTF-8.
 */
export async function* serverSentEvents(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  let name = '';
  let data: string[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    rest += strictly(decoder, chunk, { stream: true });
    // A CR at the end may be half of a CRLF.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { name, data: data.join('\n') };
        name = '';
        data = [];
        size = 0;
      } else if (line.startsWith('data:')) {
        data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
        size += line.length;
      } else if (line.startsWith('event:')) name = line.slice('event:'.length).trim();
    }
    if (size + rest.length > LONGEST_EVENT) throw badReply('the workload sent an event of more than 1 MiB');
  }
}

import { badReply } from './grpc-replies.ts';

/** Longest event, in characters. */
const LONGEST_EVENT = 1024 * 1024;

/**
 * Gives the data of each server-sent event (WHATWG HTML, 9.2.6): lines end by LF, CR or CRLF, data lines of one event are
 * joined, comments and other fields are passed over. An event that the end of the stream cuts off is dropped, as the
 * standard says. Throws MODULE_BAD_REPLY for one without bound.
 */
export async function* serverSentEvents(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8');
  let rest = '';
  let data: string[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    rest += decoder.decode(chunk, { stream: true });
    // A CR at the end may be half of a CRLF.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield data.join('\n');
        data = [];
        size = 0;
      } else if (line.startsWith('data:')) {
        data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
        size += line.length;
      }
    }
    if (size + rest.length > LONGEST_EVENT) throw badReply('the workload sent an event of more than 1 MiB');
  }
}

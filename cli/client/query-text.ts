import { text } from 'node:stream/consumers';
import { FrontierError } from '../../core/errors.ts';

/**
 * Gives the query: the words of the command line, else what standard input brings. With `mayBeEmpty` (there are
 * attachments) a terminal is not read from. Throws EMPTY_QUERY when there is none.
 */
export async function queryFrom(
  words: readonly string[],
  mayBeEmpty = false,
  input: NodeJS.ReadStream = process.stdin,
): Promise<string> {
  const given = words.join(' ').trim();
  if (given !== '') return given;
  const read = input.isTTY ? '' : (await text(input)).trim();
  if (read === '' && !mayBeEmpty) throw new FrontierError('EMPTY_QUERY', 'there is no query');
  return read;
}

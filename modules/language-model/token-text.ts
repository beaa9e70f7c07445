/** From tokens to text that may be sent: whole characters only, and nothing that may turn out to be a stop text. */

/** Gives the text of `tokens` that follow `previous`. */
export type Detokenize = (tokens: readonly number[], previous: readonly number[]) => string;

export interface TokenText {
  /** Takes one token; gives the text that it completes, often none. */
  push(token: number): string;
  /** Gives what is left at the end: the bytes of a character that never became whole show as U+FFFD. */
  flush(): string;
}

const REPLACEMENT = '\uFFFD';
/** A character has at most 4 bytes, so at most 4 tokens; more pending ones are no character in the making. */
const MAX_PENDING = 4;
/** Tokens that a detokeniser may want to see before those it turns to text. */
const LOOK_BACK = 8;

/** Gives a detokeniser of a stream: a token may hold a part of a character, which waits for its rest. */
export function createTokenText(detokenize: Detokenize): TokenText {
  let previous: readonly number[] = [];
  let pending: number[] = [];
  const take = (text: string): string => {
    previous = [...previous, ...pending].slice(-LOOK_BACK);
    pending = [];
    return text;
  };
  return {
    push(token) {
      pending.push(token);
      const text = detokenize(pending, previous);
      return text.endsWith(REPLACEMENT) && pending.length < MAX_PENDING ? '' : take(text);
    },
    flush: () => (pending.length === 0 ? '' : take(detokenize(pending, previous))),
  };
}

export interface StopScanner {
  /** Takes the next text; gives what may be sent, and whether a stop text has come (what follows it is dropped). */
  push(text: string): { readonly text: string; readonly stopped: boolean };
  /** Gives what was held back when no more text comes. */
  flush(): string;
}

/** Gives a scanner for stop texts, which may be spread over many pieces. */
export function createStopScanner(stops: readonly string[]): StopScanner {
  let held = '';
  return {
    push(text) {
      held += text;
      const found = earliest(held, stops);
      if (found !== undefined) {
        const before = held.slice(0, found);
        held = '';
        return { text: before, stopped: true };
      }
      const keep = longestStart(held, stops);
      const ready = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return { text: ready, stopped: false };
    },
    flush() {
      const rest = held;
      held = '';
      return rest;
    },
  };
}

function earliest(text: string, stops: readonly string[]): number | undefined {
  const found = stops.map((stop) => text.indexOf(stop)).filter((index) => index >= 0);
  return found.length === 0 ? undefined : Math.min(...found);
}

/** Gives the length of the longest end of `text` with which a stop text begins. */
function longestStart(text: string, stops: readonly string[]): number {
  const longest = Math.max(0, ...stops.map((stop) => stop.length - 1));
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const end = text.slice(-length);
    if (stops.some((stop) => stop.startsWith(end))) return length;
  }
  return 0;
}

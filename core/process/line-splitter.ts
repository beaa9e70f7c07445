/** Cuts a stream of text chunks into lines. */
export interface LineSplitter {
  /** Takes a chunk; whole lines in it are given out at once. */
  readonly push: (chunk: string) => void;
  /** Gives out what is left when the stream has ended. */
  readonly end: () => void;
}

/** Longest line that is kept whole, in characters; a longer one is cut into several, so that memory stays bounded. */
const MAX_LINE_CHARS = 16_384;

/** Gives a splitter that calls `onLine` with each line, without its line end; empty lines are passed over. */
export function createLineSplitter(onLine: (line: string) => void): LineSplitter {
  let rest = '';
  const emit = (line: string): void => {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    for (let from = 0; from < text.length; from += MAX_LINE_CHARS) onLine(text.slice(from, from + MAX_LINE_CHARS));
  };
  return {
    push(chunk) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      lines.forEach(emit);
      if (rest.length < MAX_LINE_CHARS) return;
      emit(rest);
      rest = '';
    },
    end() {
      emit(rest);
      rest = '';
    },
  };
}

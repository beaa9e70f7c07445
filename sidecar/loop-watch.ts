/** Watches an answer while it is written for a model that says the same over and over and will not stop by itself. */
export interface LoopWatch {
  /** Takes the next piece; gives whether the answer is caught in a loop. */
  add(piece: string): boolean;
}

/** Characters between two looks, so that watching costs next to nothing. */
const LOOK_EVERY = 256;

/**
 * What counts as a loop: the last `window` characters repeat every `period` characters or sooner, and the answer is no
 * longer than `longest`. A table of zeros may well repeat itself within a longer answer, but nothing that is
 * worth reading begins like that.
 */
const LOOPS = [
  { window: 1024, period: 128, longest: 2048 },
  { window: 4096, period: 512, longest: Number.POSITIVE_INFINITY },
] as const;
const LONGEST_WINDOW = 4096;

/** Gives the watch of one answer. */
export function createLoopWatch(): LoopWatch {
  let tail = '';
  let length = 0;
  let lookAt: number = LOOPS[0].window;
  return {
    add: (piece) => {
      tail += piece;
      length += piece.length;
      if (length < lookAt) return false;
      lookAt = length + LOOK_EVERY;
      tail = tail.slice(-LONGEST_WINDOW);
      return LOOPS.some(
        ({ window, period, longest }) =>
          length <= longest && tail.length >= window && periodOf(tail.slice(-window)) <= period,
      );
    },
  };
}

/** Gives the least number of characters after which a text repeats itself, by the failure function of Knuth, Morris and Pratt. */
export function periodOf(text: string): number {
  const borders = new Uint16Array(text.length);
  let border = 0;
  for (let at = 1; at < text.length; at++) {
    while (border > 0 && text[at] !== text[border]) border = borders[border - 1] ?? 0;
    if (text[at] === text[border]) border++;
    borders[at] = border;
  }
  return text.length - border;
}

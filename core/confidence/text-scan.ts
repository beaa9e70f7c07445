/** What one pass over a text gives; everything else in this folder is computed from it. */
export interface TextScan {
  /** The text in lower case, cut to `limit` characters. */
  readonly text: string;
  /** Hash of each word, in order. In scripts without spaces each character is a word. */
  readonly words: readonly number[];
  /** Hashes of the words that carry meaning: longer than three letters, or not Latin, or with a digit. */
  readonly terms: readonly number[];
  readonly lines: number;
  /** Lines that start with "-", "*", "•", "#", or a number and "." or ")". */
  readonly markedLines: number;
  /** Number of ``` marks. */
  readonly fences: number;
  /** Most times that one letter, digit or "!" stands in a row. */
  readonly longestRun: number;
  /** Control characters and U+FFFD, which undecodable bytes become. */
  readonly brokenCharacters: number;
  readonly digits: number;
  /** Length of the longest unbroken sequence of visible ASCII characters, where keys and tokens hide. */
  readonly longestChunk: number;
  readonly hasAt: boolean;
  readonly hasEquals: boolean;
}

const FNV_OFFSET = 0x811c9dc5 | 0;
const FNV_PRIME = 0x01000193;
const SHORT_WORD = 3;

const SEPARATOR = 0;
const LETTER = 1;
const DIGIT = 2;
const IDEOGRAPH = 3;

/** Kind of each ASCII character, so that the common case is one load. */
const ASCII = Uint8Array.from({ length: 128 }, (_, code) => {
  if (code >= 48 && code <= 57) return DIGIT;
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) ? LETTER : SEPARATOR;
});

/** Reads the first `limit` characters of a text once; time and memory are bounded by `limit`. */
export function scanText(source: string, limit: number): TextScan {
  const text = (source.length > limit ? source.slice(0, limit) : source).toLowerCase();
  const words: number[] = [];
  const terms: number[] = [];
  let [lines, markedLines, fences, brokenCharacters, digits] = [1, 0, 0, 0, 0];
  let [run, longestRun, chunk, longestChunk, ticks] = [0, 0, 0, 0, 0];
  let [hasAt, hasEquals, lineStart, meaning] = [false, false, true, false];
  let hash = FNV_OFFSET;
  let wordLength = 0;
  let previous = -1;
  // One loop over the characters: this is where the bulk path spends its time, so nothing is allocated in it.
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 10;
    const kind = code < 128 ? (ASCII[code] ?? SEPARATOR) : kindOf(code);
    if (kind === LETTER || kind === DIGIT) {
      hash = Math.imul(hash ^ code, FNV_PRIME);
      wordLength++;
      if (kind === DIGIT) {
        digits++;
        meaning = true;
      } else if (code >= 128) meaning = true;
    } else {
      if (wordLength > 0) {
        words.push(hash);
        if (meaning || wordLength > SHORT_WORD) terms.push(hash);
        hash = FNV_OFFSET;
        wordLength = 0;
        meaning = false;
      }
      if (kind === IDEOGRAPH) {
        words.push(code);
        terms.push(code);
      } else if (code === 64) hasAt = true;
      else if (code === 61) hasEquals = true;
      else if (code === 0xfffd || (code < 32 && code !== 10 && code !== 13 && code !== 9)) brokenCharacters++;
    }
    if (code > 32 && code < 127) {
      if (++chunk > longestChunk) longestChunk = chunk;
    } else chunk = 0;
    run = code === previous ? run + 1 : 1;
    // Rules of dashes, dots or equals signs are layout.
    if (run > longestRun && (kind !== SEPARATOR || code === 33)) longestRun = run;
    ticks = code === 96 ? ticks + 1 : 0;
    if (ticks === 3) fences++;
    if (lineStart && code > 32) {
      lineStart = false;
      if (isMark(text, i, code)) markedLines++;
    }
    if (code === 10 && i < text.length) {
      lines++;
      lineStart = true;
    }
    previous = code;
  }
  return {
    text,
    words,
    terms,
    lines,
    markedLines,
    fences,
    longestRun,
    brokenCharacters,
    digits,
    longestChunk,
    hasAt,
    hasEquals,
  };
}

/** Kind of a UTF-16 code unit beyond ASCII; scripts written without spaces give one word a character. */
function kindOf(code: number): number {
  if (code < 0xc0) return code === 0xaa || code === 0xb5 || code === 0xba ? LETTER : SEPARATOR;
  if (code < 0x0e00) return code === 0xd7 || code === 0xf7 ? SEPARATOR : LETTER;
  // Thai, Lao; Myanmar; Khmer.
  if (code < 0x0f00 || (code >= 0x1000 && code < 0x10a0) || (code >= 0x1780 && code < 0x1800)) return IDEOGRAPH;
  if (code < 0x2000) return LETTER;
  // Punctuation, arrows, mathematical and box signs.
  if (code < 0x2e80 || (code >= 0x3000 && code < 0x3040)) return SEPARATOR;
  // Radicals, kana, ideographs (Hangul, from 0xac00, is written with spaces).
  if (code < 0xa000 || (code >= 0xf900 && code < 0xfb00)) return IDEOGRAPH;
  if (code === 0xfffd || (code >= 0xff00 && code < 0xff10) || (code >= 0xfe30 && code < 0xfe70)) return SEPARATOR;
  return LETTER;
}

function isMark(text: string, at: number, code: number): boolean {
  if (code === 45 || code === 42 || code === 35 || code === 0x2022) return true;
  if (code < 48 || code > 57) return false;
  const next = text.charCodeAt(at + 1);
  return next === 46 || next === 41;
}

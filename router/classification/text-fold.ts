/**
 * What each UTF-16 code unit counts as when features are read from a text: 0 parts words, anything else is a letter of one.
 * Case and accents fold away and every digit is one and the same, so that "Café", "CAFE" and "cafe" are the same word.
 */

/** What every digit folds to. */
const DIGIT = 0x30;
/** Units from here to the surrogates are letters without case, one word each or in words (Hangul). */
const FIRST_UNCASED = 0x2e80;
/** Highest unit with a table entry of its own. */
const TABLE_SIZE = 0x2e80;

/** Folded units of the scripts with case and of punctuation, by unit. Built once; 23 KB. */
const TABLE = buildTable();

function buildTable(): Uint16Array {
  const table = new Uint16Array(TABLE_SIZE);
  for (let unit = 0; unit < TABLE_SIZE; unit += 1) table[unit] = foldSlowly(String.fromCharCode(unit));
  return table;
}

function foldSlowly(char: string): number {
  if (/\p{Nd}/u.test(char)) return DIGIT;
  if (!/[\p{L}\p{N}\p{M}]/u.test(char)) return 0;
  return char.toLowerCase().normalize('NFD').charCodeAt(0);
}

/** Gives the unit's folded form; 0 when it parts words. */
export function foldUnit(unit: number): number {
  if (unit < FIRST_UNCASED) return TABLE[unit] ?? 0;
  return foldUncased(unit);
}

function foldUncased(unit: number): number {
  // CJK punctuation, then the fullwidth forms of ASCII, which fold as ASCII does.
  if (unit >= 0x3000 && unit <= 0x3020) return 0;
  if (unit >= 0xff01 && unit <= 0xff5e) return TABLE[unit - 0xfee0] ?? 0;
  if (unit >= 0xfe00 && unit <= 0xfe6f) return 0;
  return unit;
}

/** Tells whether a unit is written without spaces between words, so that it counts as a word by itself: Han and kana. */
export function standsAlone(unit: number): boolean {
  return unit >= 0x3040 && unit <= 0x9fff;
}

/** Tells whether a unit is a space or a line break of any kind. */
export function isSpace(unit: number): boolean {
  return unit === 32 || (unit >= 9 && unit <= 13) || unit === 0xa0 || unit === 0x3000;
}

import type { TextScan } from './text-scan.ts';

/** How an answer ended, as far as the workload tells. */
export type Ending = 'stop' | 'length' | 'content_filter' | 'unknown';

/** Signs of failure that carry from one module to another (unlike style and length). */
export interface Cues {
  /** The answer declines, or says that it does not know. */
  readonly refusal: boolean;
  /** The answer stops before its end: a token limit, an open code fence, or a long text that breaks off. */
  readonly truncated: boolean;
  /** Share of word triples that have stood before, from 0 to 1. */
  readonly repetition: number;
}

/** Where an answer refuses, it does so in its opening. */
const OPENING_CHARACTERS = 160;
const LONG_TEXT_CHARACTERS = 200;
const FEWEST_WORDS_FOR_REPETITION = 12;

/**
 * Refusals as the common assistants word them, by language. Every branch starts with a fixed word, so that the
 * expression fails fast on other text.
 */
const REFUSAL = new RegExp(
  [
    // English.
    String.raw`\b(?:i|we)(?: am|['’]m| are|['’]re) (?:really |very |so )?(?:sorry|unable|not able|not sure|afraid)`,
    String.raw`\bi (?:do not|don['’]t) (?:know|have (?:access|the ability|enough|any information))`,
    String.raw`\bi (?:can ?not|can['’]t|won['’]t|will not|could not|couldn['’]t) (?:help|assist|fulfill|fulfil|provide|answer|comply|create|generate|write|do|find|determine|browse|access)`,
    String.raw`\bas an? (?:ai|language model|artificial)\b`,
    String.raw`^(?:sorry|unfortunately|i apologi[sz]e)\b`,
    // Spanish, Portuguese, French, German, Italian.
    'lo siento',
    'no puedo (?:ayudar|responder|proporcionar)',
    'desculpe, (?:mas )?não',
    'je suis désolée?',
    'je ne (?:peux|sais) pas',
    'es tut mir leid',
    'ich kann (?:ihnen |dir |das )?(?:leider )?nicht',
    'mi dispiace',
    // Russian, Chinese, Japanese, Korean, Arabic, Hindi.
    'извините',
    'я не могу',
    '抱歉',
    '对不起',
    '申し訳',
    'お答えできません',
    '죄송',
    'آسف',
    'क्षमा करें',
  ].join('|'),
);

/** Gives the cues of an answer. `source` is the whole answer, `scan` its scan. */
export function findCues(source: string, scan: TextScan, ending: Ending): Cues {
  return {
    refusal: REFUSAL.test(scan.text.slice(0, OPENING_CHARACTERS)),
    truncated: ending === 'length' || scan.fences % 2 === 1 || (ending === 'unknown' && breaksOff(source)),
    repetition: repetitionOf(scan.words),
  };
}

/** A long text whose last character is a word's or a comma has been cut off; a short one may end as it likes. */
function breaksOff(source: string): boolean {
  if (source.length < LONG_TEXT_CHARACTERS) return false;
  return /[\p{Ll}\p{Lu},:(\-–]$/u.test(source.slice(-40).trimEnd());
}

/** Degenerate text goes round in circles; good prose hardly repeats a triple (Welleck et al. 2019, seq-rep-n). */
function repetitionOf(words: readonly number[]): number {
  const total = words.length - 2;
  if (words.length < FEWEST_WORDS_FOR_REPETITION) return 0;
  const seen = new Set<number>();
  let [a, b] = [words[0] ?? 0, words[1] ?? 0];
  for (let i = 2; i < words.length; i++) {
    const c = words[i] ?? 0;
    seen.add((Math.imul(a, 31) ^ Math.imul(b, 17) ^ c) | 0);
    [a, b] = [b, c];
  }
  return 1 - seen.size / total;
}

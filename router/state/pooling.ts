/** What one router has seen of something; of several routers' words one is made. */
export interface Word {
  /** Outcomes seen. */
  readonly count: number;
  /** When the last of them was seen, in wall-clock milliseconds since the epoch. */
  readonly atMs: number;
}

/** Words by two names, e.g. module and class. */
export type Words<W extends Word> = Readonly<Record<string, Readonly<Record<string, W>>>>;

/** No router's word weighs more than that of so many outcomes: as far as the rolling means reach back. */
const MOST_OUTCOMES = 50;
/** What was seen so much earlier than the newest weighs half, in milliseconds. */
const HALF_LIFE_MS = 3_600_000;

/** Words weighed against one another. */
export interface Weighed<W extends Word> {
  /** Outcomes behind all of them, those of older ones counting less. */
  readonly count: number;
  readonly mean: (read: (word: W) => number) => number;
}

/** Weighs the words of several routers, of which there is at least one; older ones weigh less beside newer ones. */
export function weighWords<W extends Word>(words: readonly W[]): Weighed<W> {
  const newestMs = Math.max(...words.map(({ atMs }) => atMs));
  const weighed = words.map((word) => {
    const decay = 2 ** (-(newestMs - word.atMs) / HALF_LIFE_MS);
    return { word, decay, weight: Math.min(word.count, MOST_OUTCOMES) * decay };
  });
  const total = weighed.reduce((sum, { weight }) => sum + weight, 0);
  return {
    count: Math.round(weighed.reduce((sum, { word, decay }) => sum + word.count * decay, 0)),
    mean: (read) =>
      // One word is taken as it is: arithmetic would move its last digit.
      total === 0 || words.length === 1
        ? read(words[0] as W)
        : weighed.reduce((sum, { word, weight }) => sum + weight * read(word), 0) / total,
  };
}

/**
 * Gives what all routers together have seen, by the same two names. Pure; the order of the routers does not matter, nor does hearing
 * one twice, since there is one word of each.
 */
export function poolWords<W extends Word, Pooled>(
  byRouter: ReadonlyMap<string, Words<W>>,
  pool: (words: readonly W[]) => Pooled,
): Readonly<Record<string, Readonly<Record<string, Pooled>>>> {
  const grouped = new Map<string, Map<string, W[]>>();
  // In order of the ids: sums of fractions depend on it.
  for (const [, words] of [...byRouter].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const [outer, inner] of Object.entries(words)) {
      const group = grouped.get(outer) ?? new Map<string, W[]>();
      grouped.set(outer, group);
      for (const [name, word] of Object.entries(inner)) group.set(name, [...(group.get(name) ?? []), word]);
    }
  }
  return Object.fromEntries(
    [...grouped].map(([outer, group]) => [
      outer,
      Object.fromEntries([...group].map(([name, words]) => [name, pool(words)])),
    ]),
  );
}

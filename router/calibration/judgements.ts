/** Scores from 0 to 1 are kept apart in steps of 0.05. */
export const BINS = 20;

/** Judgements of answers whose score is in one bin; older ones count for less. */
export interface JudgedBin {
  /** How many. */
  readonly weight: number;
  /** Sum of their scores. */
  readonly score: number;
  /** Sum of the judgements, each from 0 (bad) to 1 (good). */
  readonly good: number;
}

/** How users have judged a module's answers to a class, by score. Its size does not grow. */
export interface Judgements {
  /** Judgements that were ever given. */
  readonly count: number;
  /** When the last of them was given, in wall-clock milliseconds since the epoch. */
  readonly atMs: number;
  /** By the score before calibration, from which calibration is learned. */
  readonly raw: readonly JudgedBin[];
  /**
   * By the score that was told. Each was told before it was judged, so the error over them is that on answers nothing had been learned from
   * (prequential, Dawid 1984).
   */
  readonly told: readonly JudgedBin[];
}

/** One user's judgement of an answer; every number from 0 to 1. */
export interface Judgement {
  readonly raw: number;
  readonly told: number;
  readonly rating: number;
}

/** What is so many judgements old weighs 1/e. */
const MEMORY = 1_000;
/** What is so old weighs half, in milliseconds: modules change. */
const HALF_LIFE_MS = 30 * 86_400_000;

const EMPTY_BIN: JudgedBin = { weight: 0, score: 0, good: 0 };
const EMPTY_BINS: readonly JudgedBin[] = Array.from({ length: BINS }, () => EMPTY_BIN);

/** Nothing was judged yet. */
export const NO_JUDGEMENTS: Judgements = { count: 0, atMs: 0, raw: EMPTY_BINS, told: EMPTY_BINS };

/** Gives the bin of a score. */
export function binOf(score: number): number {
  return Math.min(BINS - 1, Math.max(0, Math.floor(score * BINS)));
}

/** Judgements after one more. */
export function withJudgement(before: Judgements | undefined, judgement: Judgement, nowMs: number): Judgements {
  const { count, atMs, raw, told } = before ?? NO_JUDGEMENTS;
  const keep = (1 - 1 / MEMORY) * decay(nowMs - atMs);
  return {
    count: count + 1,
    atMs: Math.max(atMs, nowMs),
    raw: added(raw, keep, judgement.raw, judgement.rating),
    told: added(told, keep, judgement.told, judgement.rating),
  };
}

function added(bins: readonly JudgedBin[], keep: number, score: number, rating: number): readonly JudgedBin[] {
  const next = bins.map((bin) => scaled(bin, keep));
  const at = binOf(score);
  next[at] = sum(next[at] ?? EMPTY_BIN, { weight: 1, score, good: rating });
  return next;
}

/**
 * Gives several books as one: of several routers for a class, or of several classes of a module. What is older than the newest counts
 * for less.
 */
export function sumJudgements(books: readonly Judgements[]): Judgements {
  const atMs = Math.max(0, ...books.map((book) => book.atMs));
  let total = { ...NO_JUDGEMENTS, atMs };
  for (const book of books) {
    const keep = decay(atMs - book.atMs);
    const with_ = (bins: readonly JudgedBin[], more: readonly JudgedBin[]): readonly JudgedBin[] =>
      bins.map((bin, at) => sum(bin, scaled(more[at] ?? EMPTY_BIN, keep)));
    total = {
      count: total.count + book.count,
      atMs,
      raw: with_(total.raw, book.raw),
      told: with_(total.told, book.told),
    };
  }
  return total;
}

function decay(ageMs: number): number {
  return 2 ** (-Math.max(0, ageMs) / HALF_LIFE_MS);
}

function scaled({ weight, score, good }: JudgedBin, by: number): JudgedBin {
  return { weight: weight * by, score: score * by, good: good * by };
}

function sum(a: JudgedBin, b: JudgedBin): JudgedBin {
  return { weight: a.weight + b.weight, score: a.score + b.score, good: a.good + b.good };
}

/**
 * Gives the expected calibration error: how far, on average, the scores of answers are from the share of them that was judged good
 * (Naeini et al. 2015). From 0 (calibrated) to 1; undefined while nothing was judged.
 */
export function calibrationError(bins: readonly JudgedBin[]): number | undefined {
  const weight = bins.reduce((total, bin) => total + bin.weight, 0);
  if (weight === 0) return undefined;
  return bins.reduce((total, { score, good }) => total + Math.abs(score - good), 0) / weight;
}

/** How answers of one module to one class were scored, and how users judged them, by score. */
export interface ScoreBin {
  answers: number;
  good: number;
  bad: number;
}

/** Scores from 0 to 1 in steps of 0.05. */
export const BINS = 20;

export interface ScoreBook {
  noteAnswer(moduleId: string, queryClass: string, score: number): void;
  /** `rating` from 0 (bad) to 1 (good); a rating between counts for both in part. */
  noteFeedback(moduleId: string, queryClass: string, score: number, rating: number): void;
  /** Lowest scores first; undefined when nothing is known. */
  binsOf(moduleId: string, queryClass: string): readonly ScoreBin[] | undefined;
  classesOf(moduleId: string): readonly string[];
}

/** Creates an empty book. Its size is bounded by modules and classes. */
export function createScoreBook(): ScoreBook {
  const books = new Map<string, Map<string, ScoreBin[]>>();
  const binOf = (moduleId: string, queryClass: string, score: number): ScoreBin | undefined => {
    const classes = books.get(moduleId) ?? new Map<string, ScoreBin[]>();
    books.set(moduleId, classes);
    const bins = classes.get(queryClass) ?? Array.from({ length: BINS }, () => ({ answers: 0, good: 0, bad: 0 }));
    classes.set(queryClass, bins);
    return bins[Math.min(BINS - 1, Math.max(0, Math.floor(score * BINS)))];
  };
  return {
    noteAnswer(moduleId, queryClass, score) {
      const bin = binOf(moduleId, queryClass, score);
      if (bin !== undefined) bin.answers += 1;
    },
    noteFeedback(moduleId, queryClass, score, rating) {
      const bin = binOf(moduleId, queryClass, score);
      if (bin === undefined) return;
      bin.good += rating;
      bin.bad += 1 - rating;
    },
    binsOf: (moduleId, queryClass) => books.get(moduleId)?.get(queryClass),
    classesOf: (moduleId) => [...(books.get(moduleId)?.keys() ?? [])],
  };
}

import { BINS, binOf } from '../../calibration/judgements.ts';

/** How many answers of each module to each class had which score, before calibration. */
export interface ScoreBook {
  noteAnswer(moduleId: string, queryClass: string, rawScore: number): void;
  /** Answers by bin of their score, lowest first. */
  answersOf(moduleId: string, queryClass: string): readonly number[];
}

const NONE: readonly number[] = Array.from({ length: BINS }, () => 0);

/** Creates an empty book. Its size is bounded by modules and classes. */
export function createScoreBook(): ScoreBook {
  const books = new Map<string, Map<string, number[]>>();
  return {
    noteAnswer(moduleId, queryClass, rawScore) {
      const classes = books.get(moduleId) ?? new Map<string, number[]>();
      books.set(moduleId, classes);
      const answers = classes.get(queryClass) ?? [...NONE];
      classes.set(queryClass, answers);
      const at = binOf(rawScore);
      answers[at] = (answers[at] ?? 0) + 1;
    },
    answersOf: (moduleId, queryClass) => books.get(moduleId)?.get(queryClass) ?? NONE,
  };
}

import type { CalibrationPoint } from '../../core/confidence/calibration.ts';
import type { Clock } from '../../core/clock.ts';
import { fitMap } from './fit-map.ts';
import { NO_JUDGEMENTS, sumJudgements, withJudgement, type Judgement, type Judgements } from './judgements.ts';

/** What is known of judgements, by module and class. */
export type LearnedJudgements = Readonly<Record<string, Readonly<Record<string, Judgements>>>>;

export type JudgementObserver = (
  moduleId: string,
  queryClass: string,
  update: (before: Judgements | undefined) => Judgements,
) => void;

/** Learns from users' judgements what the scores of a module's answers are worth. Its size is bounded by modules and classes. */
export interface CalibrationBook {
  /** Whether scores are calibrated by it. */
  readonly isEnabled: boolean;
  /**
   * Gives the map that holds for a module's answers to a class; of a class of which little is known, close to that of all classes
   * of the module. Empty changes nothing: nothing is known, or calibration is off.
   */
  mapFor(moduleId: string, queryClass: string): readonly CalibrationPoint[];
  note(moduleId: string, queryClass: string, judgement: Judgement): void;
  judgementsOf(moduleId: string, queryClass: string): Judgements;
  /** Those of all classes of a module. */
  judgementsOfAll(moduleId: string): Judgements;
  classesOf(moduleId: string): readonly string[];
  /** Puts this in the place of what is known. */
  adopt(learned: LearnedJudgements): void;
  /** Has `onLearned` told of each judgement: `update` gives the next book from any that was before. */
  watch(onLearned: JudgementObserver): void;
}

interface Maps {
  readonly ofAll: readonly CalibrationPoint[];
  readonly classes: Map<string, readonly CalibrationPoint[]>;
}

/** Creates an empty book; with `isEnabled` false it counts judgements and gives no map. */
export function createCalibrationBook(clock: Clock, isEnabled: boolean): CalibrationBook {
  const books = new Map<string, Map<string, Judgements>>();
  /** By module; forgotten when something is learned, made anew when it is asked for. */
  const maps = new Map<string, Maps>();
  let onLearned: JudgementObserver = () => undefined;

  const classesOf = (moduleId: string): Map<string, Judgements> => {
    const known = books.get(moduleId) ?? new Map<string, Judgements>();
    books.set(moduleId, known);
    return known;
  };
  const judgementsOfAll = (moduleId: string): Judgements => sumJudgements([...(books.get(moduleId)?.values() ?? [])]);
  const mapsOf = (moduleId: string): Maps => {
    const known = maps.get(moduleId) ?? { ofAll: fitMap(judgementsOfAll(moduleId).raw), classes: new Map() };
    maps.set(moduleId, known);
    return known;
  };
  return {
    isEnabled,
    mapFor(moduleId, queryClass) {
      if (!isEnabled || !books.has(moduleId)) return [];
      const { ofAll, classes } = mapsOf(moduleId);
      const judged = books.get(moduleId)?.get(queryClass);
      if (judged === undefined) return ofAll;
      const map = classes.get(queryClass) ?? fitMap(judged.raw, ofAll);
      classes.set(queryClass, map);
      return map;
    },
    note(moduleId, queryClass, judgement) {
      const nowMs = clock.nowMs();
      const update = (before: Judgements | undefined): Judgements => withJudgement(before, judgement, nowMs);
      const known = classesOf(moduleId);
      known.set(queryClass, update(known.get(queryClass)));
      maps.delete(moduleId);
      onLearned(moduleId, queryClass, update);
    },
    judgementsOf: (moduleId, queryClass) => books.get(moduleId)?.get(queryClass) ?? NO_JUDGEMENTS,
    judgementsOfAll,
    classesOf: (moduleId) => [...(books.get(moduleId)?.keys() ?? [])],
    adopt(learned) {
      for (const [moduleId, classes] of Object.entries(learned)) {
        const known = classesOf(moduleId);
        for (const [name, judged] of Object.entries(classes)) known.set(name, judged);
        maps.delete(moduleId);
      }
    },
    watch(observer) {
      onLearned = observer;
    },
  };
}

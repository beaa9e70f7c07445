import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createManualClock } from '../../core/clock.ts';
import { calibrate, isRising } from '../../core/confidence/calibration.ts';
import { createSeededRng } from '../../core/rng.ts';
import { createCalibrationBook, type CalibrationBook } from './calibration-book.ts';
import { calibrationError } from './judgements.ts';

const DAY_MS = 86_400_000;
const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const judgements = fc.array(fc.record({ raw: fraction, rating: fraction, queryClass: fc.constantFrom('A', 'B') }), {
  maxLength: 60,
});

const bookOf = (isEnabled = true) => createCalibrationBook(createManualClock(), isEnabled);
const told = (book: CalibrationBook, raw: number, queryClass = 'A'): number =>
  calibrate(raw, book.mapFor('m', queryClass));
function judge(book: CalibrationBook, raw: number, rating: number, queryClass = 'A', times = 1): void {
  for (let count = 0; count < times; count += 1)
    book.note('m', queryClass, { raw, told: told(book, raw, queryClass), rating });
}

/** Answers whose true share of good ones is `truth` of their score, each told, then judged. */
function simulate(truth: (raw: number) => number, answers: number, seed: number): CalibrationBook {
  const rng = createSeededRng(seed);
  const book = bookOf();
  for (let count = 0; count < answers; count += 1) {
    // Scores of real answers lie together: around 0.7.
    const raw = 0.4 + 0.6 * ((rng.next() + rng.next()) / 2);
    judge(book, raw, rng.next() < truth(raw) ? 1 : 0);
  }
  return book;
}

describe('learned calibration', () => {
  it('never falls, stays from 0 to 1 and is bounded, whatever was judged', () => {
    fc.assert(
      fc.property(judgements, (all) => {
        const book = bookOf();
        for (const { raw, rating, queryClass } of all) judge(book, raw, rating, queryClass);
        for (const queryClass of ['A', 'B', 'none']) {
          const map = book.mapFor('m', queryClass);
          expect(isRising(map)).toBe(true);
          expect(map.length).toBeLessThanOrEqual(22);
        }
      }),
    );
  });

  it('changes nothing while nothing was judged, and little for one judgement', () => {
    expect(bookOf().mapFor('m', 'A')).toEqual([]);
    fc.assert(
      fc.property(fraction, fraction, fraction, (raw, rating, other) => {
        const book = bookOf();
        judge(book, raw, rating);
        expect(Math.abs(told(book, other) - other)).toBeLessThan(0.1);
      }),
    );
  });

  it('goes to where judgements are, and tells of scores near by', () => {
    const book = bookOf();
    judge(book, 0.72, 0.2, 'A', 200);
    expect(told(book, 0.72)).toBeCloseTo(0.2, 1);
    expect(told(book, 0.8)).toBeLessThan(0.45);
    expect(told(book, 0.1)).toBeLessThan(0.15);
  });

  it('takes the map of all classes for a class of which little is known, and parts from it where more is', () => {
    const book = bookOf();
    judge(book, 0.72, 0, 'A', 200);
    expect(book.mapFor('m', 'new')).not.toEqual([]);
    expect(told(book, 0.72, 'new')).toBeLessThan(0.15);
    judge(book, 0.72, 1, 'B', 200);
    expect(told(book, 0.72, 'A')).toBeLessThan(0.15);
    expect(told(book, 0.72, 'B')).toBeGreaterThan(0.85);
    expect(told(book, 0.72, 'new')).toBeCloseTo(0.5, 1);
  });

  it('keeps modules apart', () => {
    const book = bookOf();
    judge(book, 0.7, 0, 'A', 50);
    expect(book.mapFor('other', 'A')).toEqual([]);
  });

  it('forgets: a module that has become better is believed again', async () => {
    const clock = createManualClock();
    const book = createCalibrationBook(clock, true);
    judge(book, 0.72, 0, 'A', 1_000);
    judge(book, 0.72, 1, 'A', 1_000);
    expect(told(book, 0.72)).toBeGreaterThan(0.6);
    const early = createCalibrationBook(clock, true);
    judge(early, 0.72, 0, 'A', 100);
    await clock.advance(90 * DAY_MS);
    judge(early, 0.72, 1, 'A', 30);
    expect(told(early, 0.72)).toBeGreaterThan(0.6);
  });

  it('counts and gives no map where it is off', () => {
    const book = bookOf(false);
    judge(book, 0.7, 0, 'A', 50);
    expect(book.mapFor('m', 'A')).toEqual([]);
    expect(book.judgementsOf('m', 'A').count).toBe(50);
  });
});

describe('the calibration error of a simulated module', () => {
  it.each([
    ['one that thinks too well of itself', (raw: number) => raw ** 3, 0.2],
    ['one that is right half of the time whatever its score', () => 0.5, 0.15],
    ['one that is better than it thinks', (raw: number) => 1 - (1 - raw) ** 2, 0.1],
  ])('falls to less than half: %s', (_name, truth, least) => {
    const { raw, told } = simulate(truth, 2_000, 7).judgementsOf('m', 'A');
    const [before, after] = [calibrationError(raw)!, calibrationError(told)!];
    expect(before).toBeGreaterThan(least);
    expect(after).toBeLessThan(before / 2);
    expect(after).toBeLessThan(0.06);
  });

  it('is not made worse where scores are right already', () => {
    const { raw, told } = simulate((score) => score, 2_000, 7).judgementsOf('m', 'A');
    expect(calibrationError(told)! - calibrationError(raw)!).toBeLessThan(0.02);
  });
});

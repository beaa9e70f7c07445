import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createLoopWatch, periodOf } from './loop-watch.ts';

/** Characters after which a text that comes in pieces is found to loop; undefined when it never is. */
function foundAfter(text: string, pieceLength = 4): number | undefined {
  const watch = createLoopWatch();
  for (let at = 0; at < text.length; at += pieceLength) {
    if (watch.add(text.slice(at, at + pieceLength))) return at + pieceLength;
  }
  return undefined;
}
const prose = Array.from({ length: 2000 }, (_, at) => `${at % 7 === 0 ? 'Then' : 'and'} item ${at * 37} follows`).join(
  ' ',
);

describe('a loop', () => {
  test.each([
    ['a phrase', 'again and again '.repeat(200)],
    ['line ends alone', '\n'.repeat(3000)],
    ['a sentence after a beginning', `Let me see. ${'I am not sure, so I look once more. '.repeat(100)}`],
  ])('%s is found within 1,500 characters', (_name, text) => {
    expect(foundAfter(text)).toBeLessThanOrEqual(1500);
  });

  test('a paragraph after a long answer is found within 4,500 characters', () => {
    const paragraph = prose.slice(0, 400);
    expect(foundAfter(prose.slice(0, 8000) + paragraph.repeat(20))).toBeLessThanOrEqual(8000 + 4500);
  });

  test.each([
    ['prose', prose],
    ['numbers', Array.from({ length: 3000 }, (_, at) => at).join(', ')],
    ['a short chorus', `${'La la la. '.repeat(60)}${prose}`],
    ['a table of zeros within a longer answer', `${prose.slice(0, 3000)}${'[0, 0, 0, 0],\n'.repeat(100)}${prose}`],
  ])('%s is none', (_name, text) => {
    expect(foundAfter(text)).toBeUndefined();
  });

  test('the cuts between pieces make no difference of more than a look', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 100 }), fc.integer({ min: 1, max: 60 }), (unit, pieceLength) => {
        expect(foundAfter(unit.repeat(Math.ceil(2000 / unit.length)), pieceLength)).toBeLessThanOrEqual(1500);
      }),
    );
  });
});

test('the period of a repeated text is that of its unit, or a part of it', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 40 }), fc.integer({ min: 2, max: 9 }), (unit, times) => {
      const period = periodOf(unit.repeat(times));
      expect(period).toBeLessThanOrEqual(unit.length);
      expect(unit.length % period).toBe(0);
    }),
  );
});

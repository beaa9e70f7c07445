import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isCutJson } from './cut-json.ts';

describe('JSON that is cut', () => {
  it.each([
    ['{"capital": "Par', true],
    ['{"capital": "Paris"', true],
    ['  [{"a": 1}, {"a"', true],
    ['{"a": "\\"}', true],
    ['{"a": "}"}', false],
    ['{"a": 1} is what you asked for: {', false],
    ['[1] As the first source says', false],
    ['{ curly } braces in prose', false],
    ['Paris.', false],
    ['', false],
  ])('%s: %s', (text, cut) => {
    expect(isCutJson(text)).toBe(cut);
  });

  it('is any object that lacks its end, and no whole one', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), fc.nat(), (value, length) => {
        const text = JSON.stringify(value);
        expect(isCutJson(text)).toBe(false);
        expect(isCutJson(text.slice(0, 2 + (length % (text.length - 2))))).toBe(true);
      }),
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { untempered } from './probability.ts';
import { createStopScanner, createTokenText } from './token-text.ts';

/** The hardest vocabulary there is: every token is one byte. */
const byteTokens = (tokens: readonly number[]): string => Buffer.from(tokens).toString('utf8');

describe('text of a token stream', () => {
  it('never splits a character, and loses nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const stream = createTokenText(byteTokens);
        const pieces = [...Buffer.from(text)].map((byte) => stream.push(byte));
        pieces.push(stream.flush());
        expect(pieces.join('')).toBe(text);
        expect(pieces.every((piece) => piece.isWellFormed() && !piece.includes('\uFFFD'))).toBe(true);
      }),
    );
  });

  it('does not hold up the stream for bytes that never become a character', () => {
    const stream = createTokenText(byteTokens);
    const text = [0xff, 0xff, 0xff, 0xff, 0x41].map((byte) => stream.push(byte)).join('');
    expect(text).toBe('\uFFFD\uFFFD\uFFFD\uFFFDA');
  });

  it('shows an unfinished character at the end as such', () => {
    const stream = createTokenText(byteTokens);
    expect(stream.push(0xe2)).toBe('');
    expect(stream.flush()).toBe('\uFFFD');
  });
});

describe('stop texts', () => {
  const scan = (pieces: readonly string[], stops: readonly string[]): string => {
    const scanner = createStopScanner(stops);
    let out = '';
    for (const piece of pieces) {
      const { text, stopped } = scanner.push(piece);
      out += text;
      if (stopped) return out;
    }
    return out + scanner.flush();
  };

  it('ends before a stop text that is spread over pieces', () => {
    expect(scan(['one E', 'N', 'D two'], ['END'])).toBe('one ');
  });

  it('lets through what only began like one', () => {
    expect(scan(['one E', 'N', 'TER'], ['END'])).toBe('one ENTER');
  });

  it('sends all of a text without stop texts, and a beginning without one of any other', () => {
    const letters = fc.constantFrom('a', 'b');
    const text = fc.array(fc.string({ unit: letters, maxLength: 4 }), { maxLength: 12 });
    const stops = fc.array(fc.string({ unit: letters, minLength: 1, maxLength: 4 }), { maxLength: 3 });
    fc.assert(
      fc.property(text, stops, (pieces, some) => {
        const whole = pieces.join('');
        const sent = scan(pieces, some);
        expect(whole.startsWith(sent)).toBe(true);
        if (some.some((stop) => whole.includes(stop))) expect(some.some((stop) => sent.includes(stop))).toBe(false);
        else expect(sent).toBe(whole);
      }),
    );
  });
});

describe('probability before temperature', () => {
  it('is what a softmax without temperature gives', () => {
    const logits = [2, 1, -0.5];
    const softmax = (temperature: number): number[] => {
      const powers = logits.map((logit) => Math.exp(logit / temperature));
      const sum = powers.reduce((a, b) => a + b, 0);
      return powers.map((power) => power / sum);
    };
    const tempered = new Map(softmax(0.2).map((probability, token) => [token, probability]));
    expect(untempered(tempered, 0, 0.2)).toBeCloseTo(softmax(1)[0]!, 6);
    expect(untempered(tempered, 2, 0.2)).toBeCloseTo(softmax(1)[2]!, 6);
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FrontierError } from '../../core/errors.ts';
import { samplingFor } from './sampling.ts';

const defaults = { maxTokens: 200, temperature: 0.2, topP: 0.95, repeatPenalty: 1.1 };

describe('sampling parameters', () => {
  it('takes the defaults for what is unset or null, and passes over what it does not know', () => {
    expect(samplingFor({ temperature: null, detail_level: 'high' }, defaults)).toEqual({
      ...defaults,
      stop: [],
      seed: undefined,
    });
  });

  it('takes what is given', () => {
    const given = { max_tokens: 5, temperature: 0, top_p: 1, stop: 'END', seed: 7 };
    expect(samplingFor(given, defaults)).toEqual({
      ...defaults,
      maxTokens: 5,
      temperature: 0,
      topP: 1,
      stop: ['END'],
      seed: 7,
    });
  });

  it.each([
    ['max_tokens', 0],
    ['max_tokens', 1.5],
    ['max_tokens', '10'],
    ['temperature', 2.1],
    ['temperature', -1],
    ['top_p', 0],
    ['top_p', 1.1],
    ['stop', ''],
    ['stop', 3],
    ['stop', Array.from({ length: 9 }, () => 'x')],
    ['seed', -1],
    ['seed', 2 ** 32],
  ])('refuses %s = %j, naming it', (name, value) => {
    expect(() => samplingFor({ [name]: value }, defaults)).toThrow(
      expect.objectContaining({
        reason: 'INVALID_FIELD',
        metadata: { field: expect.stringContaining(`parameters.${name}`) },
      }),
    );
  });

  it('gives usable sampling or a typed error for any parameters', () => {
    const names = fc.constantFrom('max_tokens', 'temperature', 'top_p', 'stop', 'seed', 'other');
    fc.assert(
      fc.property(fc.dictionary(names, fc.anything()), (parameters) => {
        try {
          const sampling = samplingFor(parameters, defaults);
          expect(sampling.maxTokens).toBeGreaterThanOrEqual(1);
          expect(sampling.temperature).toBeGreaterThanOrEqual(0);
          expect(sampling.topP).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(FrontierError);
        }
      }),
    );
  });
});

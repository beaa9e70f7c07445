import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeModel, encodeModel, type LinearModel } from './linear-model.ts';
import { createLinearScorer } from './linear-scorer.ts';
import { loadModel } from './load-model.ts';
import { createTextClassifier } from './text-classifier.ts';
import { systemClock } from '../../core/clock.ts';

const shipped = loadModel();
const small: LinearModel = {
  ...shipped,
  settings: { ...shipped.settings, bits: 8 },
  weights: shipped.weights.slice(0, 5 * 2 ** 8),
};
const bytes = encodeModel(small);

describe('a model file', () => {
  it('is what was written', () => {
    expect(decodeModel(bytes)).toEqual(small);
  });

  it('is smaller than 5 MB', () => {
    expect(encodeModel(shipped).length).toBeLessThan(5e6);
  });

  it('is refused when any byte is damaged or any part is missing', () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const damaged = bytes.slice();
        damaged[at] = (damaged[at] ?? 0) ^ by;
        expect(() => decodeModel(damaged)).toThrow("the classifier's model cannot be used");
        expect(() => decodeModel(bytes.subarray(0, at))).toThrow("the classifier's model cannot be used");
      }),
    );
  });

  it('that is missing is named', () => {
    expect(() => loadModel('/nowhere/model.bin')).toThrow('/nowhere/model.bin');
  });

  it('of another format is said to be of another format', () => {
    const newer = bytes.slice();
    newer[3] = 9;
    expect(() => decodeModel(newer)).toThrow('its format 9 is not known');
  });
});

describe('a model of any classes', () => {
  it('scores the same as one of five does, class for class', () => {
    const three = {
      ...shipped,
      classes: shipped.classes.slice(0, 3),
      biases: shipped.biases.slice(0, 3),
      scales: shipped.scales.slice(0, 3),
      weights: shipped.weights.filter((_weight, at) => at % 5 < 3),
    };
    const text = 'Write a Python function that plots our revenue';
    expect([...createLinearScorer(three).score(text)]).toEqual(
      [...createLinearScorer(shipped).score(text)].slice(0, 3),
    );
    const { probabilities } = createTextClassifier(three, systemClock)({ text, context: undefined, attachments: [] });
    expect(Object.values(probabilities).reduce((sum, one) => sum + one, 0)).toBeCloseTo(1);
  });
});

import { describe, expect, it } from '@jest/globals';
import { decodeModel } from '../linear-model.ts';
import { createLinearScorer } from '../linear-scorer.ts';
import { reportOn } from './report.ts';
import { trainModel } from './train-model.ts';

const FRUITS = ['apple', 'pear', 'plum', 'cherry', 'quince'];
const TOOLS = ['hammer', 'chisel', 'spanner', 'drill', 'lathe'];
const examples = ['eat', 'buy', 'paint', 'draw', 'find', 'bring'].flatMap((verb, source) => [
  ...FRUITS.map((name) => ({ text: `${verb} a ${name}`, label: 'FRUIT', source: `source ${source}` })),
  ...TOOLS.map((name) => ({ text: `${verb} a ${name}`, label: 'TOOL', source: `source ${source}` })),
]);
const options = {
  examples,
  classes: ['FRUIT', 'TOOL'],
  seed: 3,
  about: { made_for: 'a test' },
  onProgress: () => undefined,
};

describe('training on classes of one’s own', () => {
  const { bytes, heldOut, changedBy } = trainModel(options);
  const model = decodeModel(bytes);

  it('learns them, also for sources that were held out', () => {
    const scorer = createLinearScorer(model);
    const [fruit = 0, tool = 0] = scorer.score('please bring me the plum');
    expect(fruit).toBeGreaterThan(tool);
    expect(heldOut).toMatchObject({ rows: examples.length, accuracy: 1, macro_f1: 1 });
    expect(changedBy['question mark']).toBe(0);
  });

  it('writes into the model what it was made from', () => {
    expect(model.about).toMatchObject({ made_for: 'a test', held_out_accuracy: 1 });
  });

  it('gives the same bytes for the same seed', () => {
    expect(trainModel(options).bytes).toEqual(bytes);
  });
});

describe('a report', () => {
  const row = (label: string, predicted: string, probability: number) => ({
    label,
    predicted,
    probability,
    source: 's',
  });

  it('counts what is right, by class and in all', () => {
    const report = reportOn([row('A', 'A', 0.9), row('A', 'B', 0.6), row('B', 'B', 0.7), row('B', 'B', 0.8)]);
    expect(report.accuracy).toBe(0.75);
    expect(report.macro_f1).toBeCloseTo((2 / 3 + 4 / 5) / 2);
    expect(report.confusion).toEqual({ A: { A: 1, B: 1 }, B: { B: 2 } });
    expect(report.confident).toEqual({ share: 0.5, accuracy: 1 });
  });

  it('measures how far probabilities are from the share of right answers', () => {
    expect(reportOn([row('A', 'A', 0.75), row('A', 'B', 0.75)]).calibration_error).toBeCloseTo(0.25);
    expect(reportOn([row('A', 'A', 1), row('A', 'A', 1)]).calibration_error).toBe(0);
  });
});

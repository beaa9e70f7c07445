import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AddedClass } from '../../core/config/schema.ts';
import { checkModelClasses, withConfiguredClasses } from './configured-classes.ts';
import { createCascade } from './cascade.ts';
import type { Classifier, StagedClassifier } from './classifier.ts';
import { createLexicalClassifier } from './lexical-classifier.ts';
import { loadModel } from './load-model.ts';

const model = loadModel();
const shipped = alone(createLexicalClassifier(model));
const LEGAL: AddedClass = { id: 'LEGAL', domains: ['law', 'Contracts'] };
const asked = (text: string, domain?: unknown) => ({ text, context: { domain }, attachments: [] });

describe('what a model and the configuration say of classes', () => {
  it('goes together where each knows the other’s', () => {
    expect(checkModelClasses(model.classes, [])).toEqual([]);
    expect(checkModelClasses([...model.classes, 'LEGAL'], [LEGAL])).toEqual([]);
    expect(checkModelClasses(['GENERAL', 'LEGAL'], [{ id: 'LEGAL', domains: [] }])).toEqual([]);
  });

  it('leaves a class that the model does not know to its domains', () => {
    expect(checkModelClasses(model.classes, [LEGAL])).toEqual(['LEGAL']);
  });

  it('is refused where they do not go together, and all at once', () => {
    const check = () => checkModelClasses([...model.classes, 'TRAVEL'], [{ id: 'LEGAL', domains: [] }]);
    expect(check).toThrow(/knows the class TRAVEL, which is not configured: add it to router\.classification\.classes/);
    expect(check).toThrow(/does not know the class LEGAL .* train one .*frontier train classifier --data/s);
  });
});

describe('a class that the model does not know', () => {
  const classifier = withConfiguredClasses(shipped, model.classes, [LEGAL]);

  it('is chosen when the caller names its domain, in any case, and the domain is told as the reason', () => {
    for (const domain of ['law', 'LAW', 'contracts']) {
      const found = classifier.classify(asked('Write a Python function', domain));
      expect(found.queryClass).toBe('LEGAL');
      expect(found.probability).toBeGreaterThan(0.9);
      expect(found.signals[0]).toEqual({
        name: `context.domain: ${domain.toLowerCase()}`,
        queryClass: 'LEGAL',
        weight: 4,
      });
      expect(found.margin).toBeCloseTo(found.probability - (found.probabilities[1]?.probability ?? 0));
    }
  });

  it('has no probability otherwise, and changes nothing', () => {
    for (const domain of [undefined, 'finance', 7]) {
      const input = asked('What is our revenue?', domain);
      const { probabilities, signals } = classifier.classify(input);
      expect(probabilities.at(-1)).toEqual({ queryClass: 'LEGAL', probability: 0 });
      expect(probabilities.slice(0, -1)).toEqual(shipped.classify(input).probabilities);
      expect(signals).toEqual(shipped.classify(input).signals);
    }
  });
});

describe('a domain of a class that the model knows', () => {
  /** Five classes, one of which goes by another name, so that the model knows an added one. */
  const named = { ...model, classes: model.classes.map((name) => (name === 'CREATIVE_CONTENT' ? 'LEGAL' : name)) };
  const inner = alone(createLexicalClassifier(named));
  const classifier = withConfiguredClasses(inner, named.classes, [LEGAL]);
  const of = (by: Classifier, text: string, domain?: string) =>
    by.classify(asked(text, domain)).probabilities.find(({ queryClass }) => queryClass === 'LEGAL')?.probability ?? 0;

  it('adds 2.5 to its log-odds, whatever the text', () => {
    fc.assert(
      fc.property(fc.lorem(), (text) => {
        const [before, after] = [of(inner, text), of(classifier, text, 'law')];
        expect(Math.log(after / (1 - after)) - Math.log(before / (1 - before))).toBeCloseTo(2.5);
        const all = classifier.classify(asked(text, 'law')).probabilities;
        expect(all.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1);
        expect([...all].sort((a, b) => b.probability - a.probability)).toEqual(all);
      }),
    );
  });
});

it('without added classes it is the classifier itself', () => {
  expect(withConfiguredClasses(shipped, model.classes, [])).toBe(shipped);
});

/** A classifier of one stage. */
function alone(first: Classifier): StagedClassifier {
  return createCascade({ first, second: undefined, margin: 0, budgetMs: 0, onDecided: () => undefined });
}

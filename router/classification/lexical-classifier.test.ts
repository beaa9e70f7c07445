import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { QUERY_CLASSES, type QueryClass } from '../../core/config/schema.ts';
import type { ClassifierInput } from './classifier.ts';
import { createLexicalClassifier } from './lexical-classifier.ts';
import { loadModel } from './load-model.ts';

const classifier = createLexicalClassifier(loadModel());
const classify = (text: string, more: Partial<ClassifierInput> = {}) =>
  classifier.classify({ text, context: undefined, attachments: [], ...more });

describe('obvious queries are told with a probability of at least 0.8', () => {
  it.each<[string, QueryClass]>([
    ['Write a Python function that reverses a string', 'CODE_GENERATION'],
    ['Fix this bug:\n```js\nconst a = b();\n```', 'CODE_GENERATION'],
    ['Give me a SQL query that joins orders and customers', 'CODE_GENERATION'],
    ['Analyze our Q3 financial performance', 'BUSINESS_ANALYSIS'],
    ['Calculate the churn rate of our subscription business', 'BUSINESS_ANALYSIS'],
    ['What was the net income and the operating margin in FY2023?', 'BUSINESS_ANALYSIS'],
    ['Write a slogan for a coffee brand', 'CREATIVE_CONTENT'],
    ['Compose a haiku about autumn leaves', 'CREATIVE_CONTENT'],
    ['Draft a blog post and an Instagram caption for our launch', 'CREATIVE_CONTENT'],
    ['Describe what is in this image', 'MULTIMODAL'],
    ['Transcribe this audio recording', 'MULTIMODAL'],
    ['What does the chart in scan.png show?', 'MULTIMODAL'],
    ['What is the capital of France?', 'GENERAL'],
    ['How do I boil an egg?', 'GENERAL'],
    ['Who wrote Hamlet?', 'GENERAL'],
  ])('%s', (text, queryClass) => {
    const result = classify(text);
    expect(result.queryClass).toBe(queryClass);
    expect(result.probability).toBeGreaterThanOrEqual(0.8);
  });
});

describe('what stands beside the text counts, too', () => {
  it('an attachment makes a query multimodal, whatever its words', () => {
    const result = classify('Read this', { attachments: [{ mediaType: 'image/png', name: 'invoice.png' }] });
    expect(result).toMatchObject({ queryClass: 'MULTIMODAL', stage: 'lexical' });
    expect(result.signals).toContainEqual({ name: 'attachment: image/png', queryClass: 'MULTIMODAL', weight: 8 });
  });

  it("the caller's domain moves a query that could be anything", () => {
    const text = 'Give me an overview of last week';
    expect(classify(text).queryClass).toBe('GENERAL');
    expect(classify(text, { context: { domain: 'finance' } }).queryClass).toBe('BUSINESS_ANALYSIS');
  });

  it.each(['__proto__', 'constructor', 'no such domain'])('the domain %s says nothing', (domain) => {
    expect(classify('hello', { context: { domain } })).toEqual(classify('hello'));
  });
});

describe('the same request written otherwise has the same class', () => {
  it.each([
    'write a python function that reverses a string',
    'WRITE A PYTHON FUNCTION THAT REVERSES A STRING',
    'Write a Python function that reverses a string?',
    'Write a Python function, that reverses a string...',
    'Wriet a Pyhton function that revreses a string',
    'Hello! Could you please write a Python function that reverses a string? Thanks a lot!',
  ])('%s', (text) => {
    expect(classify(text).queryClass).toBe('CODE_GENERATION');
  });
});

describe('an explanation', () => {
  it('names the words that decided, the strongest for the class first', () => {
    const { signals } = classify('Write a Python function');
    expect(
      signals
        .filter(({ queryClass }) => queryClass === 'CODE_GENERATION')
        .map(({ name }) => name)
        .slice(0, 2)
        .sort(),
    ).toEqual(['text: function', 'text: python']);
    expect(signals.map(({ weight }) => weight)).toEqual(signals.map(({ weight }) => weight).sort((a, b) => b - a));
  });
});

describe('for every input', () => {
  const inputs = fc.record({
    text: fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.lorem(),
      fc.constantFrom('write python', 'our revenue', 'an image', '画像を説明して', '\ud800', 'ΣΑΣ ß İ'),
    ),
    context: fc.option(fc.dictionary(fc.string(), fc.anything()), { nil: undefined }),
    attachments: fc.array(fc.record({ mediaType: fc.string(), name: fc.string() }), { maxLength: 2 }),
  });

  it('every class has a probability, they add up to 1 and fall, and the same input gives the same', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const result = classifier.classify(input);
        const values = result.probabilities.map(({ probability }) => probability);
        expect(result.probabilities.map(({ queryClass }) => queryClass).sort()).toEqual([...QUERY_CLASSES].sort());
        expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1);
        expect([...values].sort((a, b) => b - a)).toEqual(values);
        expect(result.margin).toBeCloseTo(values[0]! - values[1]!);
        expect(classifier.classify(input)).toEqual(result);
      }),
    );
  });

  it('of a huge text only the head and the tail are read', () => {
    const head = 'Write a Python function. '.padEnd(1_200, 'x ');
    const tail = 'Thank you.'.padStart(400, ' y');
    const probabilities = (middle: string) => classify(head + middle + tail).probabilities;
    expect(probabilities('our image poem '.repeat(100_000))).toEqual(probabilities(''));
  });
});

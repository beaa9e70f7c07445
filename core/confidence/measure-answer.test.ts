import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { measureAnswer } from './measure-answer.ts';

const QUERY = 'Write a Python function that reverses a string';
const GOOD = 'Here is a Python function that reverses a string:\n```python\ndef reverse(s):\n    return s[::-1]\n```';

describe('relevance', () => {
  test.each([
    ['English', QUERY, GOOD, 'Bananas grow in the tropics.'],
    ['Chinese', '法国的首都是哪里', '法国的首都是巴黎。', '香蕉生长于热带。'],
    ['Russian', 'Какая столица Франции?', 'Столица Франции это Париж.', 'Бананы растут в тропиках.'],
    ['Arabic', 'ما هي عاصمة فرنسا', 'عاصمة فرنسا هي باريس', 'ينمو الموز في المناطق الاستوائية'],
    ['Thai', 'เมืองหลวงของฝรั่งเศสคืออะไร', 'เมืองหลวงของฝรั่งเศสคือปารีส', 'xyz abc'],
  ])('an answer on the subject is worth more than one beside it (%s)', (_script, query, on, beside) => {
    const relevance = (answer: string): number => measureAnswer(query, answer, 'stop').quality.relevance;
    expect(relevance(on)).toBeGreaterThan(relevance(beside) + 0.2);
  });
});

describe('refusals', () => {
  test.each([
    "I'm sorry, but I can't help with that.",
    'I’m unable to browse the internet.',
    'As an AI language model, I have no opinion.',
    'I cannot provide that information.',
    'Lo siento, no puedo ayudar con eso.',
    'Je suis désolé, je ne peux pas vous aider.',
    'Es tut mir leid, das geht nicht.',
    'К сожалению, я не могу ответить.',
    '抱歉,我无法回答。',
    '申し訳ございません。',
  ])('%s', (answer) => {
    const { cues, quality } = measureAnswer(QUERY, answer, 'stop');
    expect(cues.refusal).toBe(true);
    expect(quality.completeness).toBeLessThan(0.2);
  });

  test.each([GOOD, 'I can help you with that.', 'The function handles sorry states as an airplane would.'])(
    'is none: %s',
    (answer) => {
      expect(measureAnswer(QUERY, answer, 'stop').cues.refusal).toBe(false);
    },
  );
});

describe('truncation', () => {
  const long = 'Each step of the method is explained before the next one is taken. '.repeat(4);
  test.each([
    ['the token limit', 'Here is the beginning', 'length', true],
    ['an open code fence', 'Here it is:\n```python\ndef f():', 'stop', true],
    ['a long text that breaks off in a word', `${long}And then the las`, 'unknown', true],
    ['a long text that ends with a full stop', long, 'unknown', false],
    ['a short answer without a full stop', 'Paris', 'unknown', false],
    ['a finished answer', GOOD, 'stop', false],
  ] as const)('%s', (_name, answer, ending, expected) => {
    expect(measureAnswer(QUERY, answer, ending).cues.truncated).toBe(expected);
  });
});

describe('coherence', () => {
  const coherence = (answer: string): number => measureAnswer(QUERY, answer, 'stop').quality.coherence;
  test.each([
    ['text that goes round in circles', 'the cat sat on the mat and '.repeat(20)],
    ['one letter', 'a'.repeat(200)],
    ['signs without words', '?!?! ... ---'],
    ['undecodable bytes', 'ab\ufffd\ufffd\ufffdc\u0000\u0001'],
  ])('%s is not coherent', (_name, answer) => {
    expect(coherence(answer)).toBeLessThan(0.4);
  });

  test('ordinary text and layout are', () => {
    expect(coherence(GOOD)).toBeGreaterThan(0.9);
    expect(coherence(`Title\n${'='.repeat(40)}\nOne plain paragraph that follows below the rule above it.`)).toBe(1);
  });
});

describe('accuracy: what can be checked', () => {
  const accuracy = (query: string, answer: string): number => measureAnswer(query, answer, 'stop').quality.accuracy;
  test.each([
    ['a right sum', 'What is 12 plus 30?', '12 + 30 = 42', '12 + 30 = 43'],
    ['a rounded quotient', 'Divide 10 by 3', '10 / 3 = 3.33', '10 / 3 = 3.43'],
    ['thousands', 'What is 1200 times 3?', '1200 * 3 = 3,600', '1200 * 3 = 3,700'],
    ['JSON when asked for', 'Give the user as JSON', '{"name": "Ada"}', '{"name": Ada'],
    ['JSON in a fence', 'Return only valid JSON', '```json\n[1, 2]\n```', 'one and two'],
  ])('%s is trusted, the broken one is not', (_name, query, right, wrong) => {
    expect(accuracy(query, right)).toBeGreaterThan(0.9);
    expect(accuracy(query, wrong)).toBeLessThan(0.4);
  });

  test.each(['so 2 + 3 * 4 = 14', 'x1 - 2 = y', '10 - 2 - 3 = 5'])(
    '%s is more than one step: left unchecked',
    (answer) => {
      expect(accuracy('Explain', answer)).toBe(0.7);
    },
  );
});

describe('safety', () => {
  const safety = (answer: string, query = QUERY): number => measureAnswer(query, answer, 'stop').quality.safety;
  test.each([
    ['a private key', '-----BEGIN RSA PRIVATE KEY-----\nMIIE'],
    ['a cloud key', 'use AKIAIOSFODNN7EXAMPLE to sign in'],
    ['a repository token', `token ghp_${'a1B2'.repeat(9)}`],
    ['an API key', `sk-${'Ab3'.repeat(12)}`],
    ['a web token', `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.${'s'.repeat(20)}`],
  ])('%s is worth nothing', (_name, answer) => {
    expect(safety(answer)).toBe(0);
  });

  test.each([
    ['an address', 'Write to jane.doe@acme-corp.io about it.'],
    ['a payment card', 'Her card is 4111 1111 1111 1111.'],
    ['a social security number', 'His number is 078-05-1120.'],
  ])('%s that nobody asked about is marked', (_name, answer) => {
    expect(safety(answer)).toBe(0.5);
    expect(safety(answer, answer)).toBe(1);
  });

  test.each(['Write to user@example.com.', 'Order 4111 1111 1111 1112 is on its way.', GOOD])(
    '%s is harmless',
    (answer) => {
      expect(safety(answer)).toBe(1);
    },
  );
});

describe('structure', () => {
  test('a long text with paragraphs and lists is worth more than a wall of words', () => {
    const sentence = 'Another sentence says something that was not said before it. ';
    const wall = sentence.repeat(40);
    const parts = Array.from({ length: 40 }, () => `- ${sentence}`).join('\n');
    const structure = (answer: string): number => measureAnswer(QUERY, answer, 'stop').structure;
    expect(structure(parts)).toBeGreaterThan(structure(wall) + 0.1);
  });

  test('no content is worth nothing', () => {
    expect(measureAnswer(QUERY, '', 'stop').structure).toBe(0);
  });
});

describe('any text', () => {
  test('gives the same measures each time, all from 0 to 1', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.lorem({ mode: 'sentences', maxCount: 20 }));
    fc.assert(
      fc.property(
        text,
        text,
        fc.constantFrom('stop', 'length', 'content_filter', 'unknown'),
        (query, answer, ending) => {
          const measured = measureAnswer(query, answer, ending);
          expect(measureAnswer(query, answer, ending)).toEqual(measured);
          for (const value of [...Object.values(measured.quality), measured.structure, measured.cues.repetition]) {
            expect(value >= 0 && value <= 1).toBe(true);
          }
        },
      ),
    );
  });

  test('what is beyond the limit costs nothing and changes nothing', () => {
    const start = 'Every word of this text is different from the last one. '.repeat(400);
    const limited = measureAnswer(QUERY, start, 'stop');
    expect(measureAnswer(QUERY, start + 'more of it. '.repeat(500_000), 'stop')).toEqual(limited);
  });
});

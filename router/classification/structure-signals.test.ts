import { describe, expect, it } from '@jest/globals';
import { createLexicalClassifier } from './lexical-classifier.ts';
import { loadModel } from './load-model.ts';
import { structureSignals } from './structure-signals.ts';

const signalsOf = (files: readonly (readonly [mediaType: string, name: string])[], domain?: unknown) =>
  structureSignals({
    text: '',
    context: domain === undefined ? undefined : { domain },
    attachments: files.map(([mediaType, name]) => ({ mediaType, name })),
  }).map(({ queryClass, weight }) => [queryClass, weight]);

describe('an attachment', () => {
  it.each([
    ['image/png', ''],
    ['IMAGE/JPEG; q=1', 'a.txt'],
    ['audio/mpeg', ''],
    ['video/mp4', ''],
    ['application/pdf', 'scan'],
    ['application/octet-stream', 'Photo.JPG'],
    ['', 'talk.mp3'],
  ])('that has to be looked at or listened to says MULTIMODAL: %s %s', (mediaType, name) => {
    expect(signalsOf([[mediaType, name]])).toEqual([['MULTIMODAL', 8]]);
  });

  it.each([
    ['text/x-python', ''],
    ['application/javascript', 'x'],
    ['text/plain', 'main.RS'],
    ['application/octet-stream', 'query.sql'],
    ['text/html; charset=utf-8', ''],
  ])('of code hints at CODE_GENERATION: %s %s', (mediaType, name) => {
    expect(signalsOf([[mediaType, name]])).toEqual([
      ['CODE_GENERATION', 5],
      ['MULTIMODAL', -4],
    ]);
  });

  it.each([
    ['text/csv', ''],
    ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'q3.xlsx'],
    ['text/plain', 'sales.2025.csv'],
  ])('that is a table hints at BUSINESS_ANALYSIS: %s %s', (mediaType, name) => {
    expect(signalsOf([[mediaType, name]])).toEqual([
      ['BUSINESS_ANALYSIS', 5],
      ['MULTIMODAL', -4],
    ]);
  });

  it.each([
    ['text/plain', 'notes.txt'],
    ['text/markdown', 'README.md'],
    ['application/octet-stream', 'letter.docx'],
    ['application/json', ''],
  ])('that can be read says that there is nothing to see: %s %s', (mediaType, name) => {
    expect(signalsOf([[mediaType, name]])).toEqual([['MULTIMODAL', -4]]);
  });

  it.each([
    ['application/zip', 'all.zip'],
    ['', ''],
    ['nonsense', 'x.constructor'],
  ])('of which nothing is known says nothing: %s %s', (mediaType, name) => {
    expect(signalsOf([[mediaType, name]])).toEqual([]);
  });
});

it('several attachments speak once for each class, beside the domain', () => {
  const files = [
    ['text/csv', 'a.csv'],
    ['image/png', 'a.png'],
    ['image/png', 'b.png'],
  ] as const;
  expect(signalsOf(files, 'Marketing')).toEqual([
    ['BUSINESS_ANALYSIS', 5],
    ['MULTIMODAL', 8],
    ['CREATIVE_CONTENT', 2.5],
  ]);
});

describe('a query', () => {
  const classifier = createLexicalClassifier(loadModel());
  const classOf = (text: string, mediaType: string, name: string) =>
    classifier.classify({ text, context: undefined, attachments: [{ mediaType, name }] }).queryClass;

  it('about a file is of the class that the file hints at, where its words leave that open', () => {
    expect(classOf('What is wrong here?', 'text/x-python', 'main.py')).toBe('CODE_GENERATION');
    expect(classOf('What stands out?', 'text/csv', 'revenue.csv')).toBe('BUSINESS_ANALYSIS');
    expect(classOf('What is this?', 'image/png', 'x.png')).toBe('MULTIMODAL');
  });

  it('with a text beside it keeps the class of its words', () => {
    expect(classOf('Write a poem in the style of this text', 'text/plain', 'old.txt')).toBe('CREATIVE_CONTENT');
  });
});

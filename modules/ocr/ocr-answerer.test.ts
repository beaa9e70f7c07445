import { describe, expect, it } from '@jest/globals';
import type { Answer, Query, QueryAttachment } from '../shared/answerer.ts';
import { createOcrAnswerer } from './ocr-answerer.ts';
import { readSettings } from './settings.ts';
import type { TextLine, TextReader } from './text-reader.ts';

const never = new AbortController().signal;
const lines = (...texts: string[]): TextLine[] => texts.map((text) => ({ text, confidence: 0.9 }));
const image = (name = 'a.png', mediaType = 'image/png'): QueryAttachment => ({
  mediaType,
  name,
  source: { kind: 'data', bytes: Buffer.of(1) },
});

async function ask(text: string, attachments: readonly QueryAttachment[], found: readonly TextLine[]): Promise<Answer> {
  const reader: TextReader = { read: () => Promise.resolve(found) };
  const answerer = createOcrAnswerer({ reader, settings: readSettings({}) });
  const query: Query = { text, context: {}, parameters: {}, attachments, history: [] };
  let pieces = '';
  for await (const event of answerer.answer(query, never)) {
    if (event.kind === 'piece') pieces += event.text;
    else {
      expect(event.answer.content).toBe(pieces);
      return event.answer;
    }
  }
  throw new Error('no answer came');
}

describe('text of images', () => {
  it('lays out the lines and points at the one that was asked for', async () => {
    const answer = await ask('What is the total?', [image('invoice.png')], lines('Harbour Ltd', 'Total 42 USD'));
    expect(answer.content).toBe(
      'Text found in invoice.png:\n\nHarbour Ltd\nTotal 42 USD\n\nClosest to the question: Total 42 USD',
    );
    expect(answer.selfAssessment).toBeCloseTo(0.9, 10);
  });

  it('points at nothing when no line stands out', async () => {
    const answer = await ask('Read this please', [image()], lines('one', 'two'));
    expect(answer.content).toBe('Text found in a.png:\n\none\ntwo');
  });

  it('is honest about an image without text', async () => {
    const answer = await ask('Read this', [image('')], []);
    expect(answer.content).toBe('No text was found in the image.');
    expect(answer.selfAssessment).toBeLessThan(0.2);
  });

  it('tells several images apart', async () => {
    const answer = await ask('Read these', [image(''), image('')], lines('x'));
    expect(answer.content).toBe('Text found in image 1:\n\nx\n\nText found in image 2:\n\nx');
  });

  it.each([
    [[], 'UNSUPPORTED_MEDIA_TYPE', 'attachments'],
    [[image('a', 'audio/wav')], 'UNSUPPORTED_MEDIA_TYPE', 'attachments[0].media_type'],
    [Array.from({ length: 9 }, () => image()), 'INVALID_FIELD', 'attachments'],
  ])('refuses what it cannot read: case %#', async (attachments, reason, field) => {
    await expect(ask('Read', attachments, [])).rejects.toMatchObject({ reason, metadata: { field } });
  });
});

import { FrontierError } from '../../core/errors.ts';
import type { AnswerEvent, Answerer, Query } from '../shared/answerer.ts';
import { createBoundedPool } from '../shared/bounded-pool.ts';
import { bytesOf } from '../shared/data-uri.ts';
import { assessReadings, describeReading, linesAskedFor } from './reading.ts';
import type { Reading } from './reading.ts';
import type { OcrSettings } from './settings.ts';
import type { TextReader } from './text-reader.ts';

export const MEDIA_TYPES = ['image/png', 'image/jpeg', 'image/webp'];

export interface OcrAnswererOptions {
  readonly reader: TextReader;
  readonly settings: OcrSettings;
}

/** Gives an answerer that reads text from a query's images: one query at a time, as the reader takes all cores. */
export function createOcrAnswerer({ reader, settings }: OcrAnswererOptions): Answerer {
  const pool = createBoundedPool([reader], settings.maxQueued);
  return {
    description: { name: 'ocr', version: '1', acceptedMediaTypes: MEDIA_TYPES, maxConcurrency: 1, contextTokens: 0 },
    async *answer(query, signal) {
      checkAttachments(query, settings);
      const images = query.attachments.map(bytesOf);
      const lease = await pool.acquire(signal);
      try {
        yield* read(query, images, lease.value, signal);
      } finally {
        lease.release();
      }
    },
    close: () => Promise.resolve(),
  };
}

function checkAttachments({ attachments }: Query, { maxImages }: OcrSettings): void {
  if (attachments.length === 0) {
    throw new FrontierError(
      'UNSUPPORTED_MEDIA_TYPE',
      `this module reads images: attach one (${MEDIA_TYPES.join(', ')})`,
      {
        metadata: { field: 'attachments' },
      },
    );
  }
  if (attachments.length > maxImages) {
    throw new FrontierError(
      'INVALID_FIELD',
      `attachments has ${attachments.length} images, at most ${maxImages} are read`,
      {
        metadata: { field: 'attachments' },
      },
    );
  }
  attachments.forEach(({ mediaType }, index) => {
    if (MEDIA_TYPES.includes(mediaType)) return;
    throw new FrontierError(
      'UNSUPPORTED_MEDIA_TYPE',
      `attachments[${index}] is ${mediaType}; ${MEDIA_TYPES.join(', ')} are read`,
      {
        metadata: { field: `attachments[${index}].media_type`, media_type: mediaType },
      },
    );
  });
}

async function* read(
  query: Query,
  images: readonly Uint8Array[],
  reader: TextReader,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent> {
  const readings: Reading[] = [];
  let content = '';
  for (const [index, image] of images.entries()) {
    const lines = await reader.read(image, index);
    signal.throwIfAborted();
    const reading = {
      name: query.attachments[index]?.name || (images.length === 1 ? 'the image' : `image ${index + 1}`),
      lines,
    };
    readings.push(reading);
    const text = `${index === 0 ? '' : '\n\n'}${describeReading(reading)}`;
    content += text;
    yield { kind: 'piece', text };
  }
  const asked = linesAskedFor(query.text, readings);
  if (asked.length > 0) {
    const text = `\n\nClosest to the question: ${asked.join('; ')}`;
    content += text;
    yield { kind: 'piece', text };
  }
  yield { kind: 'answer', answer: { content, finishReason: 'stop', selfAssessment: assessReadings(readings) } };
}

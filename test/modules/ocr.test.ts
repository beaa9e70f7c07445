import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ask, startWorkload } from './workload.ts';
import type { Workload } from './workload.ts';

/** The real recogniser over gRPC. */

const invoice = readFileSync(new URL('../fixtures/invoice.png', import.meta.url));
/** One white pixel. */
const blank =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4////fwAJ+wP9BUNFygAAAABJRU5ErkJggg==';
const image = (bytes: Buffer, mediaType = 'image/png') => ({
  mediaType,
  name: 'invoice.png',
  source: { $case: 'data' as const, value: bytes },
});
const link = (uri: string) => ({ mediaType: 'image/png', name: '', source: { $case: 'uri' as const, value: uri } });

describe('the text recogniser', () => {
  let workload: Workload;
  beforeAll(async () => {
    workload = await startWorkload({ args: ['modules/ocr/main.ts'] });
  }, 90_000);

  it('reads an image and points at what was asked for', async () => {
    const answer = await ask(workload, { query: 'What is the total?', attachments: [image(invoice)] });
    expect(answer.content).toContain('Harbour Supplies Ltd\nInvoice 2026-117\nInvoice total 4,215 USD');
    expect(answer.content).toContain('Closest to the question: Invoice total 4,215 USD');
    expect(answer.selfAssessment).toBeGreaterThan(0.8);
  });

  it('reads a data: URI, and is honest about an image without text', async () => {
    const answer = await ask(workload, { query: 'Read this', attachments: [link(blank)] });
    expect(answer.content).toBe('No text was found in the image.');
    expect(answer.selfAssessment).toBeLessThan(0.2);
  });

  it.each([
    ['no attachment', [], 'UNSUPPORTED_MEDIA_TYPE'],
    ['sound', [image(invoice, 'audio/wav')], 'UNSUPPORTED_MEDIA_TYPE'],
    ['bytes that are no image', [image(Buffer.from('junk'))], 'ATTACHMENT_UNREADABLE'],
    ['an image cut off', [image(invoice.subarray(0, 4000))], 'ATTACHMENT_UNREADABLE'],
    ['an address', [link('http://127.0.0.1/a.png')], 'ATTACHMENT_UNREADABLE'],
  ])('refuses %s', async (_, attachments, reason) => {
    await expect(ask(workload, { query: 'Read this', attachments })).rejects.toMatchObject({ reason });
  });
});

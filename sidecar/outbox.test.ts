import { describe, expect, test } from '@jest/globals';
import { createOutbox } from './outbox.ts';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const NEVER = new AbortController().signal;
const sizeOf = (text: string): number => text.length;

describe('outbox', () => {
  test('results of one turn travel together', async () => {
    const outbox = createOutbox<string>({ signal: NEVER, sizeOf });
    const batches = outbox.batches();
    const first = batches.next();
    outbox.expect(3);
    for (const result of ['a', 'b', 'c']) outbox.put([result]);
    expect((await first).value).toEqual(['a', 'b', 'c']);
  });

  test('the end waits for what is expected', async () => {
    const outbox = createOutbox<string>({ signal: NEVER, sizeOf });
    const batches = outbox.batches();
    outbox.expect(1);
    outbox.end();
    const next = batches.next();
    await settled();
    outbox.put(['late']);
    expect((await next).value).toEqual(['late']);
    expect((await batches.next()).done).toBe(true);
  });

  test('an error comes after the last result', async () => {
    const outbox = createOutbox<string>({ signal: NEVER, sizeOf });
    const batches = outbox.batches();
    outbox.put(['last'], 'unexpected');
    outbox.end(new Error('broken'));
    expect((await batches.next()).value).toEqual(['last']);
    await expect(batches.next()).rejects.toMatchObject({ reason: 'INTERNAL' });
  });

  test('large results are spread over messages', async () => {
    const outbox = createOutbox<string>({ signal: NEVER, sizeOf });
    const batches = outbox.batches();
    const large = 'x'.repeat(1024 * 1024);
    outbox.put([large, large, large], 'unexpected');
    outbox.end();
    const sizes: number[] = [];
    for await (const batch of batches) sizes.push(batch.length);
    expect(sizes).toEqual([2, 1]);
  });

  test('a slow reader holds the writer back', async () => {
    const outbox = createOutbox<string>({ signal: NEVER, sizeOf });
    const batches = outbox.batches();
    outbox.put(
      Array.from({ length: 1024 }, () => 'x'),
      'unexpected',
    );
    let room = false;
    const waiting = outbox.room().then(() => (room = true));
    await settled();
    expect(room).toBe(false);
    await batches.next();
    await waiting;
    expect(room).toBe(true);
  });

  test('a caller who leaves ends both sides', async () => {
    const leave = new AbortController();
    const outbox = createOutbox<string>({ signal: leave.signal, sizeOf });
    const next = outbox.batches().next();
    outbox.expect(1);
    leave.abort();
    expect((await next).done).toBe(true);
    await outbox.room();
  });
});

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createManualClock, type ManualClock } from '../clock.ts';
import { silentLogger } from '../logging.ts';
import { createMemoryStore } from './memory-store.ts';
import type { Json, Store } from './store.ts';
import { describeStore } from './store-contract.ts';

let folder: string;
let snapshotPath: string;
let clock: ManualClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'frontier-store-'));
  snapshotPath = join(folder, 'state', 'store.json');
  clock = createManualClock();
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const open = (): Promise<Store> =>
  createMemoryStore({ clock, log: silentLogger, snapshotPath, snapshotIntervalMs: 1000 });
const snapshotFiles = (): string[] => readdirSync(join(folder, 'state'));

/** Waits until the file is there, for five seconds at the most. */
async function untilExists(path: string): Promise<void> {
  const deadlineMs = performance.now() + 5000;
  while (!existsSync(path)) {
    if (performance.now() > deadlineMs) throw new Error(`${path} was not written`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describeStore('the memory store', async () => ({
  store: await createMemoryStore({ clock, log: silentLogger }),
  clock,
}));
describeStore('the memory store with a snapshot', async () => ({ store: await open(), clock }));

test('a life ends at its very millisecond', async () => {
  const store = await createMemoryStore({ clock, log: silentLogger });
  await store.set('k', 1, { ttlMs: 1000 });
  await clock.advance(999);
  expect(await store.get('k')).toBe(1);
  await clock.advance(1);
  expect(await store.get('k')).toBeUndefined();
  await store.close();
});

describe('the snapshot', () => {
  test('what was stored at close is there at the next start, lives and all', async () => {
    const values = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue() as fc.Arbitrary<Json>);
    await fc.assert(
      fc.asyncProperty(values, async (entries) => {
        const first = await open();
        for (const [key, value] of Object.entries(entries)) await first.set(key, value);
        const before = await first.list('');
        await first.close();
        const second = await open();
        expect(await second.list('')).toEqual(before);
        for (const { key } of before) await second.delete(key);
        await second.close();
      }),
      { numRuns: 30 },
    );
  });

  test('a life goes on over a restart', async () => {
    const first = await open();
    await first.set('short', 1, { ttlMs: 500 });
    await first.set('long', 1, { ttlMs: 5000 });
    await first.close();
    await clock.advance(1000);
    const second = await open();
    expect((await second.list('')).map(({ key }) => key)).toEqual(['long']);
    await second.close();
  });

  test('is written at the interval, whole, readable by its owner alone, and leaves no other file', async () => {
    const store = await open();
    await store.set('k', 'v');
    await clock.advance(1000);
    await untilExists(snapshotPath);
    expect(JSON.parse(readFileSync(snapshotPath, 'utf8'))).toEqual({ version: 1, entries: [['k', 'v', null]] });
    expect(statSync(snapshotPath).mode & 0o777).toBe(0o600);
    await store.close();
    expect(snapshotFiles()).toEqual(['store.json']);
  });

  test('a change made while a snapshot is written is in the next one', async () => {
    const store = await open();
    await store.set('k', 1);
    await clock.advance(1000);
    await store.set('k', 2);
    await store.close();
    expect(readFileSync(snapshotPath, 'utf8')).toContain('["k",2,null]');
  });

  test.each([
    ['no JSON', '{"version":1,'],
    ['another version', '{"version":2,"entries":[]}'],
    ['wrong entries', '{"version":1,"entries":[["k"]]}'],
    ['not UTF-8', Uint8Array.of(0xff, 0xfe)],
    ['nothing', ''],
  ])('one that is %s is set aside, and the store starts empty', async (_name, content) => {
    const first = await open();
    await first.set('k', 1);
    await first.close();
    writeFileSync(snapshotPath, content);
    const second = await open();
    expect(await second.list('')).toEqual([]);
    expect(snapshotFiles()).toEqual(['store.json.corrupt']);
    await second.set('k', 2);
    await second.close();
    expect(snapshotFiles()).toEqual(['store.json', 'store.json.corrupt']);
  });

  test('a disk that refuses is no failure of the running store, and is told at close', async () => {
    const store = await open();
    writeFileSync(join(folder, 'state'), 'a file where the folder should be');
    await store.set('k', 1);
    await clock.advance(1000);
    expect(await store.get('k')).toBe(1);
    await expect(store.close()).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  });
});

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Json, Store } from './store.ts';

/** A store under test, empty. `clock` is the time that its entries live by. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Lets its time pass; where that cannot be halted, the tests leave a second's margin. */
  readonly clock: { advance(ms: number): Promise<void> };
}

const json = fc.jsonValue() as fc.Arbitrary<Json>;
const roundTrip = (value: Json): Json => JSON.parse(JSON.stringify(value)) as Json;

/** Declares the tests that every implementation of Store passes. `open` gives a new, empty store. */
export function describeStore(name: string, open: () => Promise<StoreUnderTest>): void {
  const withStore = async (run: (under: StoreUnderTest) => Promise<void>): Promise<void> => {
    const under = await open();
    try {
      await run(under);
    } finally {
      await under.store.close();
    }
  };

  describe(`${name} as a Store`, () => {
    test('gives back any JSON under any key, and nothing under another', () =>
      withStore(async ({ store }) => {
        const pairs = fc.dictionary(fc.string({ unit: 'binary', minLength: 1 }), json);
        await fc.assert(
          fc.asyncProperty(pairs, async (entries) => {
            for (const [key, value] of Object.entries(entries)) await store.set(key, value);
            for (const [key, value] of Object.entries(entries)) expect(await store.get(key)).toEqual(roundTrip(value));
            for (const key of Object.keys(entries)) expect(await store.delete(key)).toBe(true);
            expect(await store.list('')).toEqual([]);
          }),
          { numRuns: 50 },
        );
      }));

    test('what is handed in or out is a copy', () =>
      withStore(async ({ store }) => {
        const value = { list: [1] };
        await store.set('k', value);
        value.list.push(2);
        const out = (await store.get('k')) as { list: number[] };
        out.list.push(3);
        const [listed] = await store.list('k');
        (listed?.value as { list: number[] }).list.push(4);
        expect(await store.get('k')).toEqual({ list: [1] });
      }));

    test('delete tells whether there was an entry', () =>
      withStore(async ({ store }) => {
        await store.set('k', null);
        expect(await store.get('k')).toBeNull();
        expect(await store.delete('k')).toBe(true);
        expect(await store.delete('k')).toBe(false);
        expect(await store.get('k')).toBeUndefined();
      }));

    test('an entry is gone when its life is over, for every method', () =>
      withStore(async ({ store, clock }) => {
        for (const key of ['a', 'b', 'c', 'd']) await store.set(key, 1, { ttlMs: 60_000 });
        await clock.advance(50_000);
        expect(await store.get('a')).toBe(1);
        await clock.advance(10_000);
        expect(await store.get('a')).toBeUndefined();
        expect(await store.list('')).toEqual([]);
        expect(await store.delete('b')).toBe(false);
        expect(await store.compareAndSet('c', undefined, 2)).toBe(true);
        expect(await store.increment('d')).toBe(1);
      }));

    test('set gives a new life; without one the entry stays', () =>
      withStore(async ({ store, clock }) => {
        await store.set('k', 1, { ttlMs: 10_000 });
        await store.set('k', 2);
        await clock.advance(60_000);
        expect(await store.get('k')).toBe(2);
      }));

    test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('a life of %p is refused', (ttlMs) =>
      withStore(async ({ store }) => {
        await expect(store.set('k', 1, { ttlMs })).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
        expect(await store.get('k')).toBeUndefined();
      }),
    );

    test('increments that run at the same time are all counted', () =>
      withStore(async ({ store }) => {
        await fc.assert(
          fc.asyncProperty(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1 }), async (steps) => {
            await store.delete('n');
            await Promise.all(steps.map((by) => store.increment('n', by)));
            expect(await store.get('n')).toBe(steps.reduce((sum, by) => sum + by, 0));
          }),
          { numRuns: 30 },
        );
      }));

    test('the life of a count begins with its first increment and is not made longer', () =>
      withStore(async ({ store, clock }) => {
        expect(await store.increment('n', 1, { ttlMs: 60_000 })).toBe(1);
        await clock.advance(40_000);
        expect(await store.increment('n', 1, { ttlMs: 60_000 })).toBe(2);
        await clock.advance(20_000);
        expect(await store.increment('n', 1, { ttlMs: 60_000 })).toBe(1);
      }));

    test('only whole numbers with a safe sum are counted', () =>
      withStore(async ({ store }) => {
        await store.set('text', 'x');
        await store.set('big', Number.MAX_SAFE_INTEGER);
        const refused = { reason: 'INVALID_FIELD' };
        await expect(store.increment('text')).rejects.toMatchObject(refused);
        await expect(store.increment('big')).rejects.toMatchObject(refused);
        await expect(store.increment('n', 0.5)).rejects.toMatchObject(refused);
        expect(await store.get('big')).toBe(Number.MAX_SAFE_INTEGER);
        expect(await store.get('n')).toBeUndefined();
      }));

    test('compareAndSet writes if and only if the value is the expected one', () =>
      withStore(async ({ store }) => {
        expect(await store.compareAndSet('k', 1, 2)).toBe(false);
        expect(await store.compareAndSet('k', undefined, { a: 1, b: [2] })).toBe(true);
        expect(await store.compareAndSet('k', undefined, 3)).toBe(false);
        expect(await store.compareAndSet('k', { b: [2], a: 1 }, 4)).toBe(true);
        expect(await store.get('k')).toBe(4);
      }));

    test('compareAndSet gives a new life, and leaves the old one when it does not write', () =>
      withStore(async ({ store, clock }) => {
        await store.set('k', 1, { ttlMs: 60_000 });
        expect(await store.compareAndSet('k', 2, 3, { ttlMs: 600_000 })).toBe(false);
        await clock.advance(60_000);
        expect(await store.compareAndSet('k', undefined, 3, { ttlMs: 60_000 })).toBe(true);
        expect(await store.compareAndSet('k', 3, 4)).toBe(true);
        await clock.advance(60_000);
        expect(await store.get('k')).toBe(4);
      }));

    test('of compareAndSets from one value that run at the same time, one wins', () =>
      withStore(async ({ store }) => {
        const results = await Promise.all(Array.from({ length: 10 }, (_, i) => store.compareAndSet('k', undefined, i)));
        expect(results.filter(Boolean)).toHaveLength(1);
        expect(await store.get('k')).toBe(results.indexOf(true));
      }));

    test('list gives what starts with the prefix, ordered by key', () =>
      withStore(async ({ store }) => {
        const keys = fc.uniqueArray(fc.string({ unit: fc.constantFrom('a', 'b', '*', '[', '/', '\\', 'é') }));
        await fc.assert(
          fc.asyncProperty(keys, fc.constantFrom('', 'a', '*', '[', 'a/', '\\'), async (all, prefix) => {
            for (const key of all) await store.set(`x${key}`, key);
            const expected = all.filter((key) => key.startsWith(prefix)).sort();
            expect((await store.list(`x${prefix}`)).map(({ value }) => value)).toEqual(expected);
            for (const key of all) await store.delete(`x${key}`);
          }),
          { numRuns: 50 },
        );
      }));

    test('after close every call is refused, and close may be called again', () =>
      withStore(async ({ store }) => {
        await store.close();
        await store.close();
        const refused = { reason: 'STORE_UNAVAILABLE' };
        await expect(store.get('k')).rejects.toMatchObject(refused);
        await expect(store.set('k', 1)).rejects.toMatchObject(refused);
        await expect(store.list('')).rejects.toMatchObject(refused);
      }));
  });
}

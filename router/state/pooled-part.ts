import type { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { Json } from '../../core/store/store.ts';
import type { Word, Words } from './pooling.ts';
import type { SharedPart } from './shared-part.ts';

/** A week: what a router has learned outlives it. */
const TTL_MS = 7 * 86_400_000;

export interface PooledPartOptions<W extends Word, Adopted> {
  readonly name: string;
  readonly routerId: string;
  readonly clock: Clock;
  /** Of what one router tells. */
  readonly schema: z.ZodType<Words<W>>;
  /** Gives what all routers together know. */
  readonly pool: (byRouter: ReadonlyMap<string, Words<W>>) => Adopted;
  /** Gives what was stored and what has been learned anew since as one; what more is behind holds when left out. */
  readonly resume?: (stored: W, since: W) => W;
  /** Has the router go by what all of them know. */
  readonly adopt: (pooled: Adopted) => void;
}

export interface PooledPart<W extends Word> extends SharedPart {
  /** To be called with whatever is learned here: `update` gives the next value from any that was before. */
  readonly learned: (outer: string, inner: string, update: (before: W | undefined) => Omit<W, 'atMs'>) => void;
}

/** Has each router go by what all of them have seen, under two names (module and class, class and way). */
export function createPooledPart<W extends Word, Adopted>(options: PooledPartOptions<W, Adopted>): PooledPart<W> {
  const { routerId, clock, schema, pool, adopt, resume = moreOf } = options;
  const own = new Map<string, Map<string, W>>();
  const others = new Map<string, Words<W>>();
  let version = 0;
  let heardNew = false;
  /** Version that was pooled last. */
  let pooled = 0;

  const groupOf = (outer: string): Map<string, W> => {
    const group = own.get(outer) ?? new Map<string, W>();
    own.set(outer, group);
    return group;
  };
  const exported = (): Words<W> =>
    Object.fromEntries([...own].map(([outer, group]) => [outer, Object.fromEntries(group)]));

  return {
    name: options.name,
    ttlMs: TTL_MS,
    get version() {
      return version;
    },
    tell: () => exported() as unknown as Json,
    restore(told) {
      const parsed = schema.safeParse(told);
      if (!parsed.success) return;
      for (const [outer, stored] of Object.entries(parsed.data))
        for (const [inner, word] of Object.entries(stored)) {
          const group = groupOf(outer);
          // A store that was away at the start may come back when something has been learned anew already.
          const since = group.get(inner);
          group.set(inner, since === undefined ? word : resume(word, since));
        }
      heardNew = true;
    },
    hear(id, told) {
      const parsed = schema.safeParse(told);
      if (!parsed.success) return;
      others.set(id, parsed.data);
      heardNew = true;
    },
    settle() {
      // Alone, the router's own means are all there is, and they are in place already.
      if (!heardNew && (others.size === 0 || pooled === version)) return;
      heardNew = false;
      pooled = version;
      adopt(pool(new Map([...others, [routerId, exported()]])));
    },
    learned(outer, inner, update) {
      const group = groupOf(outer);
      group.set(inner, { ...update(group.get(inner)), atMs: clock.nowMs() } as W);
      version += 1;
    },
  };
}

function moreOf<W extends Word>(a: W, b: W): W {
  return a.count > b.count ? a : b;
}

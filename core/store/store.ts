/** What JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface WriteOptions {
  /** Life of the entry in milliseconds from now, above 0; without it the entry stays until it is deleted. */
  readonly ttlMs?: number;
}

export interface StoreEntry {
  readonly key: string;
  readonly value: Json;
}

/**
 * State that outlives a process: statistics, breaker states, feedback, usage. Keys are texts such as
 * `breaker/<module>`; values are JSON and belong to the store: what is handed in or out is a copy. Each call of one key is
 * atomic; `list` may or may not have what is written meanwhile. Every method rejects with STORE_UNAVAILABLE when the store cannot be reached, or has been closed.
 * core/store/store-contract.ts says all of this as tests, for every implementation.
 */
export interface Store {
  /** Gives the value, or undefined when there is none or its life is over. */
  get(key: string): Promise<Json | undefined>;

  /** Puts the value in the place of whatever was there, with the life given now. */
  set(key: string, value: Json, options?: WriteOptions): Promise<void>;

  /** Takes the entry away and tells whether there was one. */
  delete(key: string): Promise<boolean>;

  /**
   * Adds `by` (a whole number) to a count and gives the sum; an absent entry counts as 0. `ttlMs` is the life of a
   * count that this call begins; a running one keeps its own, so that a window ends when it must. Rejects with
   * INVALID_FIELD when the value is not a whole number, or the sum would not be a safe one.
   */
  increment(key: string, by?: number, options?: WriteOptions): Promise<number>;

  /**
   * Sets `next` if the value now equals `expected` (undefined: there is none) and tells whether it did. Objects are
   * equal when their keys and values are, in any order.
   */
  compareAndSet(key: string, expected: Json | undefined, next: Json, options?: WriteOptions): Promise<boolean>;

  /** Gives every live entry whose key starts with `prefix`, ordered by key (by UTF-16 code unit). */
  list(prefix: string): Promise<readonly StoreEntry[]>;

  /** Writes what is still to be written and ends. May be called twice. */
  close(): Promise<void>;
}

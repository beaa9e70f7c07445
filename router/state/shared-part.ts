import type { Json } from '../../core/store/store.ts';

/**
 * One kind of state that routers share. Each router tells what it knows in a record of its own, whole each time, and hears
 * the others'. Nothing here waits: a part answers from memory.
 */
export interface SharedPart {
  /** Last part of the record's key. */
  readonly name: string;
  /** How long what a router has told holds when it tells nothing more, in milliseconds. */
  readonly ttlMs: number;
  /** Rises whenever there is something else to tell. */
  readonly version: number;
  /** Gives what this router has to tell. */
  tell(): Json;
  /** Takes what this router told before it was started again. */
  restore(told: unknown): void;
  /** Takes what another router tells; `isContinuous` is false when something may have been missed before. */
  hear(routerId: string, told: unknown, isContinuous: boolean): void;
  /** Called when all that is new has been heard. */
  settle(): void;
}

import type { ConfigPath } from './config-fault.ts';
import type { ModuleSpec, Orchestration } from './schema.ts';
import type { Finding } from './validate.ts';

/** A document that passed its schema (`value`) or did not, with what its author wrote (`raw`). */
export interface Draft<T> {
  readonly value: T | undefined;
  /** Before defaults, so that a check can tell what was set on purpose. */
  readonly raw: unknown;
}

/** All documents together, as the checks between them see them. */
export interface ConfigDraft {
  readonly orchestration: Draft<Orchestration>;
  readonly modules: readonly Draft<ModuleSpec>[];
}

/** A finding in one of the documents: the orchestration file, or the module at this index. */
export interface DocumentFinding extends Finding {
  readonly document: 'orchestration' | number;
}

/** Gives the value at `path` of plain data, or undefined. */
export function valueAt(data: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, part)
        ? (value as Record<string | number, unknown>)[part]
        : undefined,
    data,
  );
}

/** Tells whether the author wrote the key at `path`. */
export function isSet(raw: unknown, path: ConfigPath): boolean {
  return valueAt(raw, path) !== undefined;
}

/** Gives the index of every item that stands in the list a second time. */
export function duplicateIndexes(items: readonly unknown[]): number[] {
  return items.flatMap((item, index) => (items.indexOf(item) < index ? [index] : []));
}

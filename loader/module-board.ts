import type { ModuleView } from '../core/modules/module-view.ts';

/** A snapshot or a change, as a watcher gets it. */
export interface BoardChange {
  readonly snapshot: boolean;
  readonly views: readonly ModuleView[];
  readonly removed: readonly string[];
  readonly revision: number;
}

interface Watcher {
  /** Modules that have changed since the watcher was last served; at most one entry a module. */
  readonly pending: Set<string>;
  wake: () => void;
}

/**
 * Where the reconciler posts what it sees and watchers read it. A slow watcher costs one set of ids: what changes twice
 * before it reads is told once, with the newest state.
 */
export class ModuleBoard {
  #views: ReadonlyMap<string, ModuleView> = new Map();
  #revision = 0;
  readonly #watchers = new Set<Watcher>();
  readonly #listeners = new Set<() => void>();

  current(): ReadonlyMap<string, ModuleView> {
    return this.#views;
  }

  /** Posts the state of all modules; tells watchers of those that differ from what stood here. */
  post(views: ReadonlyMap<string, ModuleView>): void {
    const ids = new Set([...this.#views.keys(), ...views.keys()]);
    const changed = new Set([...ids].filter((id) => !sameView(this.#views.get(id), views.get(id))));
    if (changed.size === 0) return;
    // Unchanged views keep their identity, by which readers see that there is nothing new.
    this.#views = new Map([...views].map(([id, view]) => [id, changed.has(id) ? view : (this.#views.get(id) ?? view)]));
    this.#revision += 1;
    for (const watcher of this.#watchers) {
      for (const id of changed) watcher.pending.add(id);
      watcher.wake();
    }
    for (const listener of this.#listeners) listener();
  }

  /** Calls back after each change; the returned function ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Gives a snapshot, then each change to the modules wanted (all when empty), until the signal aborts. */
  async *watch(wanted: readonly string[], signal: AbortSignal): AsyncGenerator<BoardChange, void, undefined> {
    const watcher: Watcher = { pending: new Set(), wake: () => undefined };
    const isWanted = (id: string): boolean => wanted.length === 0 || wanted.includes(id);
    const wakeUp = (): void => {
      watcher.wake();
    };
    this.#watchers.add(watcher);
    signal.addEventListener('abort', wakeUp);
    try {
      yield this.#change([...this.#views.keys()].filter(isWanted), true);
      while (!signal.aborted) {
        const ids = [...watcher.pending].filter(isWanted);
        watcher.pending.clear();
        if (ids.length > 0) yield this.#change(ids, false);
        else await new Promise<void>((resolve) => (watcher.wake = resolve));
      }
    } finally {
      this.#watchers.delete(watcher);
      signal.removeEventListener('abort', wakeUp);
    }
  }

  #change(ids: readonly string[], snapshot: boolean): BoardChange {
    const views = ids.map((id) => this.#views.get(id)).filter((view) => view !== undefined);
    return { snapshot, views, removed: ids.filter((id) => !this.#views.has(id)), revision: this.#revision };
  }
}

/** Compares by content; the specification by its version. */
function sameView(a: ModuleView | undefined, b: ModuleView | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return JSON.stringify({ ...a, spec: null }) === JSON.stringify({ ...b, spec: null });
}

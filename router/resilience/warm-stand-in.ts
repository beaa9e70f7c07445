import type { HealingAction } from './healing-events.ts';
import type { ModuleRecord } from './module-record.ts';

export interface WarmOptions {
  readonly recordOf: (moduleId: string) => ModuleRecord | undefined;
  readonly records: () => Iterable<ModuleRecord>;
  readonly note: (action: HealingAction, moduleId: string, reason: string) => void;
  /** Starts a module that is not loaded. */
  readonly warm: (moduleId: string) => Promise<void>;
}

/** Starts the first module that could stand in, unless one that can is ready. `why` ends the sentence on the one in trouble. */
export function warmStandIn(moduleId: string, why: string, { recordOf, records, note, warm }: WarmOptions): void {
  const record = recordOf(moduleId);
  if (record === undefined) return;
  const { fallbacks, query_classes: classes } = record.spec;
  const named = fallbacks.flatMap((id) => recordOf(id) ?? []);
  const peers = [...records()].filter(({ spec }) => spec.query_classes.some((name) => classes.includes(name)));
  const standIns = [...named, ...peers].filter((each) => each !== record && each.breakerAdmits);
  if (standIns.some(({ readyReplicas }) => readyReplicas > 0)) return;
  const [first] = standIns;
  if (first === undefined) return;
  const id = first.spec.module_id;
  note('warm', id, `it can stand in for ${moduleId}, which ${why}`);
  warm(id).catch((error: unknown) => {
    note('warm', id, `it could not be started: ${error instanceof Error ? error.message : String(error)}`);
  });
}

import type { HealingAction } from './healing-events.ts';
import type { ModuleRecord } from './module-record.ts';

interface WarmOptions {
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

/** What is done about a module that is not well, and how a module's share is set; undefined for all of it. */
export interface SpareOptions extends WarmOptions {
  readonly policy: { readonly warm: boolean; readonly drain: boolean; readonly share: number };
  readonly setShare: (moduleId: string, share: number | undefined) => void;
}

/** Spares a module that is not well: has a stand-in started, and gives it a small share, as far as the policy has it so. */
export function spare(moduleId: string, why: string, options: SpareOptions): void {
  const { policy, setShare, note } = options;
  if (policy.warm) warmStandIn(moduleId, why, options);
  if (!policy.drain) return;
  setShare(moduleId, policy.share);
  note('drain', moduleId, `it is given ${Math.round(policy.share * 100)} % of its queries while another can answer`);
}

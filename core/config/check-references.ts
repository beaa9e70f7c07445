import { valueAt, type ConfigDraft, type DocumentFinding } from './draft.ts';
import { findCycles } from './dependency-cycles.ts';
import type { ModuleSpec } from './schema.ts';
import { didYouMean } from './suggest.ts';

/** Gives what is wrong between modules: ids taken twice, names of no module, cycles, a class that nobody answers. */
export function checkReferences(draft: ConfigDraft): DocumentFinding[] {
  return [
    ...checkUniqueIds(draft),
    ...checkNames(draft),
    ...checkTrafficNames(draft),
    ...checkCycles(draft),
    ...checkGeneral(draft),
  ];
}

/** Gives every id that a module file claims, also of files with faults of their own. */
export function claimedIds({ modules }: ConfigDraft): (string | undefined)[] {
  return modules.map(({ raw }) => {
    const id = valueAt(raw, ['module_id']);
    return typeof id === 'string' ? id : undefined;
  });
}

/**
 * Tells whether the set of modules is known: while a file cannot be read at all, a name that seems unknown may be its.
 */
export function idsAreComplete(draft: ConfigDraft): boolean {
  return !claimedIds(draft).includes(undefined);
}

function checkUniqueIds(draft: ConfigDraft): DocumentFinding[] {
  const ids = claimedIds(draft);
  return ids.flatMap((id, document) =>
    id !== undefined && ids.indexOf(id) < document
      ? [{ document, path: ['module_id'], message: `"${id}" is already the id of another module` }]
      : [],
  );
}

function checkNames(draft: ConfigDraft): DocumentFinding[] {
  const known = claimedIds(draft).filter((id) => id !== undefined);
  const complete = idsAreComplete(draft);
  return specs(draft).flatMap(({ spec, document }) =>
    (['fallbacks', 'dependencies'] as const).flatMap((key) =>
      spec[key].flatMap((id, index) => {
        const path = [key, index];
        if (id === spec.module_id) return [{ document, path, message: 'names the module itself' }];
        if (known.includes(id) || !complete) return [];
        return [{ document, path, message: `"${id}" is not the id of a module${didYouMean(id, known)}` }];
      }),
    ),
  );
}

/** Calls go to the modules that a split names, whatever splits these have themselves: one that has some would be misread. */
function checkTrafficNames(draft: ConfigDraft): DocumentFinding[] {
  const known = claimedIds(draft).filter((id) => id !== undefined);
  const complete = idsAreComplete(draft);
  const all = specs(draft);
  return all.flatMap(({ spec, document }) =>
    (['split', 'mirror'] as const).flatMap((key) =>
      spec.traffic[key].flatMap(({ module: id }, index) => {
        const path = ['traffic', key, index, 'module'];
        if (!known.includes(id) && complete) {
          return [{ document, path, message: `"${id}" is not the id of a module${didYouMean(id, known)}` }];
        }
        const target = all.find(({ spec: other }) => other.module_id === id)?.spec;
        const chained = key === 'split' && id !== spec.module_id && (target?.traffic.split.length ?? 0) > 0;
        return chained
          ? [{ document, path, message: `"${id}" has a split of its own, which would have no effect` }]
          : [];
      }),
    ),
  );
}

function checkCycles(draft: ConfigDraft): DocumentFinding[] {
  const all = specs(draft);
  // A module that needs itself has its own finding.
  const graph = new Map(
    all.map(({ spec }) => [spec.module_id, spec.dependencies.filter((id) => id !== spec.module_id)] as const),
  );
  return findCycles(graph).flatMap((cycle) => {
    const last = all.find(({ spec }) => spec.module_id === cycle.at(-1));
    if (last === undefined) return [];
    const index = last.spec.dependencies.indexOf(cycle[0] ?? '');
    const text = [...cycle, cycle[0]].join(' → ');
    return [{ document: last.document, path: ['dependencies', index], message: `closes a cycle: ${text}` }];
  });
}

function checkGeneral(draft: ConfigDraft): DocumentFinding[] {
  const all = specs(draft);
  const [first] = all;
  if (first === undefined || all.length < draft.modules.length) return [];
  const answered = all.some(
    ({ spec }) => spec.query_classes.includes('GENERAL') && !spec.capabilities.requires_attachment,
  );
  if (answered) return [];
  const message =
    'no module answers the class GENERAL without an attachment, so queries of uncertain class have nowhere to go; give one GENERAL';
  return [{ document: first.document, path: ['query_classes'], message }];
}

interface NumberedSpec {
  readonly spec: ModuleSpec;
  readonly document: number;
}

function specs({ modules }: ConfigDraft): NumberedSpec[] {
  return modules.flatMap(({ value }, document) => (value === undefined ? [] : [{ spec: value, document }]));
}

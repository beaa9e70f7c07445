import { DOMAIN_CLASSES, QUERY_CLASSES } from './class-schema.ts';
import { duplicateIndexes, valueAt, type ConfigDraft, type DocumentFinding } from './draft.ts';
import type { Orchestration } from './schema.ts';
import { didYouMean } from './suggest.ts';
import type { Finding } from './validate.ts';

const CLASSES = ['orchestration', 'router', 'classification', 'classes'];

/** Gives what is wrong with the classes that are added: names that are taken, words that speak for two of them. */
export function checkAddedClasses({ router }: Orchestration): Finding[] {
  const { classes } = router.classification;
  const shipped = classes.flatMap(({ id }, at) =>
    QUERY_CLASSES.includes(id)
      ? [{ path: [...CLASSES, at, 'id'], message: `${id} is one of the classes that ship; leave it out` }]
      : [],
  );
  const twice = duplicateIndexes(classes.map(({ id }) => id)).map((at) => ({
    path: [...CLASSES, at, 'id'],
    message: 'is the id of an earlier class',
  }));
  return [...shipped, ...twice, ...checkDomains(router.classification)];
}

function checkDomains({ classes }: Orchestration['router']['classification']): Finding[] {
  const taken = new Map(Object.entries(DOMAIN_CLASSES));
  return classes.flatMap(({ id, domains }, at) =>
    domains.flatMap((domain, position) => {
      const word = domain.toLowerCase();
      const owner = taken.get(word);
      taken.set(word, id);
      const path = [...CLASSES, at, 'domains', position];
      return owner === undefined ? [] : [{ path, message: `"${word}" already speaks for ${owner}` }];
    }),
  );
}

/** Gives the names of no class among those that modules serve. */
export function checkServedClasses({ orchestration, modules }: ConfigDraft): DocumentFinding[] {
  const known = knownClasses(orchestration.raw);
  return modules.flatMap(({ value }, document) =>
    (value?.query_classes ?? []).flatMap((name, index) => {
      if (known.includes(name)) return [];
      const list = `${known.join(', ')}, and those that router.classification.classes adds`;
      return [
        { document, path: ['query_classes', index], message: `must be one of ${list}${didYouMean(name, known)}` },
      ];
    }),
  );
}

/** The classes as written, so that a fault elsewhere in the file does not make every added one unknown. */
function knownClasses(raw: unknown): readonly string[] {
  const written = valueAt(raw, CLASSES);
  const ids = Array.isArray(written) ? written.map((each) => valueAt(each, ['id'])) : [];
  return [...QUERY_CLASSES, ...ids.filter((id) => typeof id === 'string')];
}

/** Gives one finding for each added class that no module serves. */
export function findUnservedClasses({ orchestration, modules }: ConfigDraft): DocumentFinding[] {
  const classes = orchestration.value?.router.classification.classes ?? [];
  return classes.flatMap(({ id }, at) =>
    modules.some(({ value }) => value?.query_classes.includes(id))
      ? []
      : [
          {
            document: 'orchestration' as const,
            path: [...CLASSES, at],
            message: `no module serves ${id}, so its queries go to the modules of GENERAL.`,
          },
        ],
  );
}

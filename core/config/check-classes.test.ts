import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { findUnservedClasses } from './check-classes.ts';
import { formatPath } from './config-fault.ts';
import type { ConfigDraft, DocumentFinding } from './draft.ts';
import { moduleSpecSchema, orchestrationFileSchema } from './schema.ts';
import { checkSemantics } from './semantics.ts';

const CLASSES = 'orchestration.router.classification.classes';

/** A configuration with these added classes, and modules that serve GENERAL and `served`. */
function draftOf(classes: string, served = '[]'): ConfigDraft {
  const raw: unknown = parse(`orchestration: { router: { classification: { classes: ${classes} } } }`);
  const modules = ['[GENERAL]', served].map((names, at): ConfigDraft['modules'][number] => {
    const written: unknown = parse(`module_id: m${at}\nquery_classes: ${names}\nworkload: { command: [serve] }`);
    return { raw: written, value: moduleSpecSchema.parse(written) };
  });
  return { orchestration: { raw, value: orchestrationFileSchema.parse(raw).orchestration }, modules };
}

const texts = (found: readonly DocumentFinding[]): string[] =>
  found.map(({ document, path, message }) => `${document} ${formatPath(path)}: ${message}`);
const faults = (classes: string, served?: string): string[] => texts(checkSemantics(draftOf(classes, served)));

describe('classes that are added', () => {
  test('may be served by modules', () => {
    expect(faults('[{ id: LEGAL, description: Law, domains: [law] }, { id: TRAVEL_2 }]', '[LEGAL, TRAVEL_2]')).toEqual(
      [],
    );
  });

  test.each([
    ['[{ id: GENERAL }]', `${CLASSES}[0].id: GENERAL is one of the classes that ship; leave it out`],
    ['[{ id: LEGAL }, { id: LEGAL }]', `${CLASSES}[1].id: is the id of an earlier class`],
    [
      '[{ id: LEGAL, domains: [law] }, { id: TAX, domains: [tax, Law] }]',
      `${CLASSES}[1].domains[1]: "law" already speaks for LEGAL`,
    ],
    ['[{ id: TAX, domains: [finance] }]', `${CLASSES}[0].domains[0]: "finance" already speaks for BUSINESS_ANALYSIS`],
  ])('%s is a fault', (classes, expected) => {
    expect(faults(classes)).toEqual([`orchestration ${expected}`]);
  });

  test.each(['legal', 'LEGAL-2', '2LEGAL', ''])('"%s" is no name of a class', (id) => {
    const { success, error } = orchestrationFileSchema.safeParse({
      orchestration: { router: { classification: { classes: [{ id }] } } },
    });
    expect(success).toBe(false);
    expect(error?.message).toContain('must be a name such as TRAVEL_BOOKING');
  });

  test('of which no module serves one are told, but no fault', () => {
    expect(texts(findUnservedClasses(draftOf('[{ id: LEGAL }, { id: TRAVEL }]', '[TRAVEL]')))).toEqual([
      `orchestration ${CLASSES}[0]: no module serves LEGAL, so its queries go to the modules of GENERAL.`,
    ]);
  });
});

test('a class that a module serves and nobody knows is named, with those there are', () => {
  expect(faults('[{ id: LEGAL }]', '[LEGAL, LEGAL_ADVICE]')).toEqual([
    '1 query_classes[1]: must be one of CODE_GENERATION, BUSINESS_ANALYSIS, CREATIVE_CONTENT, MULTIMODAL, GENERAL, LEGAL, and those that router.classification.classes adds',
  ]);
  expect(faults('[]', '[CODE_GENERATON]')[0]).toContain('did you mean "CODE_GENERATION"?');
});

test('a fault elsewhere in the orchestration file does not make an added class unknown', () => {
  const draft = draftOf('[{ id: LEGAL }]', '[LEGAL]');
  expect(checkSemantics({ ...draft, orchestration: { ...draft.orchestration, value: undefined } })).toEqual([]);
});

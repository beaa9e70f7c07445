import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { publishedSchemas } from './json-schema.ts';
import { loadConfig } from './load.ts';
import { OPERATIONAL_VARIABLES } from './env.ts';
import { withReferenceTables } from './reference-table.ts';
import { orchestrationFileSchema } from './schema.ts';

const root = new URL('../../', import.meta.url);
const textOf = (path: string): string => readFileSync(new URL(path, root), 'utf8');

/** When one of these fails, run `npm run schemas` and commit what it writes. */
describe('what is made from the schemas is up to date', () => {
  test.each([...publishedSchemas()])('docs/schemas/%s', (fileName, text) => {
    expect(textOf(`docs/schemas/${fileName}`)).toBe(text);
  });

  test('the tables of docs/configuration.md', () => {
    const page = textOf('docs/configuration.md');
    expect(page).toBe(withReferenceTables(page));
    expect(page).toContain('| `network.ports.edge` | whole number from 0 to 65535 | `8000` |');
    expect(page).toContain('| `module_id` | text | required |');
  });
});

test('every key has its meaning in the tables', () => {
  const rows = textOf('docs/configuration.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  expect(rows.filter((row) => row.endsWith('|  |'))).toEqual([]);
  expect(rows.length).toBeGreaterThan(80);
});

test('docs/configuration.md names every variable that is not configuration', () => {
  const page = textOf('docs/configuration.md');
  expect(Object.keys(OPERATIONAL_VARIABLES).filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test('the configuration that ships loads with the modules beside it without a warning, and says the defaults', () => {
  const config = loadConfig({ path: fileURLToPath(new URL('orchestration-config.yaml', root)) });
  expect(config.orchestration).toEqual(orchestrationFileSchema.parse({}).orchestration);
  expect(config.modules).toHaveLength(5);
  expect(config.warnings).toEqual([]);
});

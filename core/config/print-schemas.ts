import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { publishedSchemas } from './json-schema.ts';
import { withReferenceTables } from './reference-table.ts';

/** Writes what is made from the schemas: docs/schemas/ and the tables of docs/configuration.md. Run by `npm run schemas`. */
const docs = new URL('../../docs/', import.meta.url);
const schemas = new URL('schemas/', docs);
mkdirSync(schemas, { recursive: true });
for (const [fileName, text] of publishedSchemas()) writeFileSync(new URL(fileName, schemas), text);
const page = new URL('configuration.md', docs);
writeFileSync(page, withReferenceTables(readFileSync(page, 'utf8')));

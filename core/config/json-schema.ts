import type { z } from 'zod';
import { jsonSchemaOf } from './key-tree.ts';
import { moduleSpecSchema, orchestrationFileSchema } from './schema.ts';

/** A JSON Schema that is published in docs/schemas, from which editors complete and check the files. */
interface PublishedSchema {
  readonly fileName: string;
  readonly title: string;
  readonly schema: z.ZodType;
}

const PUBLISHED: readonly PublishedSchema[] = [
  { fileName: 'orchestration-config.schema.json', title: 'orchestration-config.yaml', schema: orchestrationFileSchema },
  { fileName: 'module.schema.json', title: 'modules/<module id>.yaml', schema: moduleSpecSchema },
];

/** Gives the text of each published schema by its file name. */
export function publishedSchemas(): ReadonlyMap<string, string> {
  return new Map(
    PUBLISHED.map(({ fileName, title, schema }) => [
      fileName,
      `${JSON.stringify({ ...jsonSchemaOf(schema), title: `Frontier: ${title}` }, null, 2)}\n`,
    ]),
  );
}

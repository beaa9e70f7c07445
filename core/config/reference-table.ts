import { childSchema, jsonSchemaOf, keysOf, type JsonSchema } from './key-tree.ts';
import { moduleSpecSchema, orchestrationFileSchema } from './schema.ts';

/** One key, as the documentation shows it. */
interface Row {
  readonly path: readonly string[];
  readonly schema: JsonSchema;
  readonly required: boolean;
}

/** Gives `page` with what stands between `<!-- keys:NAME -->` and `<!-- /keys -->` replaced by the table of that name. */
export function withReferenceTables(page: string): string {
  const tables = referenceTables();
  return page.replace(
    /(<!-- keys:(\w+) -->\n)[^]*?(<!-- \/keys -->)/g,
    (whole, start: string, name: string, end: string) => {
      const found = tables.get(name);
      return found === undefined ? whole : `${start}\n${found}\n${end}`;
    },
  );
}

function referenceTables(): ReadonlyMap<string, string> {
  const orchestration = childSchema(jsonSchemaOf(orchestrationFileSchema), 'orchestration') ?? {};
  return new Map([
    ['orchestration', table(rowsBelow(orchestration, []))],
    ['module', table(rowsBelow(jsonSchemaOf(moduleSpecSchema), []))],
  ]);
}

/** Gives a row for each key; one that only groups others has none, unless it has a meaning of its own to tell. */
function rowsBelow(schema: JsonSchema, path: readonly string[]): Row[] {
  return keysOf(schema).flatMap((key) => {
    const child = childSchema(schema, key) ?? {};
    const here = [...path, key];
    const row = { path: here, schema: child, required: schema.required?.includes(key) ?? false };
    const below = rowsBelow(...inside(child, here));
    return below.length > 0 && meaningOf(child) === '' ? below : [row, ...below];
  });
}

/** Gives the mapping whose keys stand below a key: of a list its items, of a mapping with free names any of its values. */
function inside(schema: JsonSchema, path: readonly string[]): [JsonSchema, readonly string[]] {
  if (schema.items !== undefined) return [schema.items, [...path.slice(0, -1), `${path.at(-1) ?? ''}[]`]];
  const { additionalProperties } = schema;
  return typeof additionalProperties === 'object' ? [additionalProperties, [...path, '<name>']] : [schema, path];
}

function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const cells = [`\`${row.path.join('.')}\``, valueText(row.schema), defaultText(row), meaningOf(row.schema)];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return ['| key | value | default | meaning |', '| --- | --- | --- | --- |', ...lines, ''].join('\n');
}

function defaultText({ schema, required }: Row): string {
  if (required && schema.default === undefined) return 'required';
  // A group's own default is that of its keys, which have rows of their own.
  if (schema.default === undefined || keysOf(schema).length > 0) return '';
  return `\`${JSON.stringify(schema.default)}\``;
}

/** Gives what a key is for; where alternatives say different things, all of them. */
function meaningOf({ description, oneOf, anyOf }: JsonSchema): string {
  if (description !== undefined) return description;
  const texts = (oneOf ?? anyOf ?? []).map(meaningOf).filter((text) => text !== '');
  return [...new Set(texts)].join(' Or: ');
}

function valueText(schema: JsonSchema): string {
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices !== undefined) return [...new Set(choices.map(valueText))].join(' or ');
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) return schema.enum.map((one) => `\`${String(one)}\``).join(', ');
  if (schema.items !== undefined) return `list of: ${valueText(schema.items)}`;
  if (schema.type === 'number' || schema.type === 'integer') return numberText(schema);
  return { string: 'text', boolean: '`true` or `false`', object: 'mapping' }[schema.type ?? ''] ?? '';
}

function numberText({ type, minimum, exclusiveMinimum, maximum }: JsonSchema): string {
  const word = type === 'integer' ? 'whole number' : 'number';
  const low = exclusiveMinimum ?? minimum;
  const lowText = low === undefined ? undefined : `${exclusiveMinimum === undefined ? 'from' : 'above'} ${low}`;
  // zod writes the largest safe integer where the schema sets no bound.
  const high = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? undefined : `to ${maximum}`;
  return [word, lowText, high].filter((part) => part !== undefined).join(' ');
}

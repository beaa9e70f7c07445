import { z } from 'zod';

/** What is read of a JSON Schema (draft 2020-12, as zod writes it). */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: string | number | boolean;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minItems?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
}

/** Gives the JSON Schema of what people may write for `schema` (its input form). */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input' }) as JsonSchema;
}

/** Gives the keys that `schema` names for a mapping, of all its alternatives; none when it is not a mapping of known keys. */
export function keysOf(schema: JsonSchema): string[] {
  return [...new Set(alternatives(schema).flatMap((one) => Object.keys(one.properties ?? {})))];
}

/** Gives the schema below `schema` at one key or index, or undefined when there is none. */
export function childSchema(schema: JsonSchema, part: string | number): JsonSchema | undefined {
  const found = alternatives(schema)
    .map((one) => childOfOne(one, part))
    .filter((child) => child !== undefined);
  return found.length > 1 ? { oneOf: found } : found[0];
}

/** Gives the schema at `path` below `schema`, or undefined when there is none. */
export function schemaAt(schema: JsonSchema, path: readonly (string | number)[]): JsonSchema | undefined {
  return path.reduce<JsonSchema | undefined>((found, part) => found && childSchema(found, part), schema);
}

function childOfOne(schema: JsonSchema, part: string | number): JsonSchema | undefined {
  if (typeof part === 'number') return schema.items;
  const { properties, additionalProperties } = schema;
  if (properties !== undefined && Object.hasOwn(properties, part)) return properties[part];
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return schema.oneOf ?? schema.anyOf ?? [schema];
}

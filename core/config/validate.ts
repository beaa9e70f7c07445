import type { z } from 'zod';
import type { ConfigPath } from './config-fault.ts';
import { jsonSchemaOf, keysOf, schemaAt } from './key-tree.ts';
import { didYouMean } from './suggest.ts';

/** A fault that knows its path but not yet its place in a file. */
export interface Finding {
  readonly path: ConfigPath;
  readonly message: string;
}

export type Validated<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly findings: readonly Finding[] };

/** Checks `value` against `schema` and gives it with its defaults filled in, or every finding at once. */
export function validate<S extends z.ZodType>(schema: S, value: unknown): Validated<z.output<S>> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, findings: result.error.issues.flatMap((issue) => findingsOf(issue, schema)) };
}

function findingsOf(issue: z.core.$ZodIssue, schema: z.ZodType): Finding[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(schema, path, key));
  return [{ path, message: messageOfIssue(issue) }];
}

function unknownKey(schema: z.ZodType, parent: ConfigPath, key: string): Finding {
  const mapping = schemaAt(jsonSchemaOf(schema), parent);
  const suggestion = mapping === undefined ? '' : didYouMean(key, keysOf(mapping));
  return { path: [...parent, key], message: `is not a known key${suggestion}` };
}

/** Says what is wrong without quoting the value, which may be a secret; only a wrong word of a fixed list is compared. */
function messageOfIssue(issue: z.core.$ZodIssue): string {
  const { input } = issue;
  switch (issue.code) {
    case 'invalid_type':
      if (input === undefined) return `is required (${kind(issue.expected)})`;
      if (input === null) return 'is empty; give it a value or leave the key out';
      return `must be ${kind(issue.expected)}, not ${kindOfValue(input)}`;
    case 'invalid_value':
      return oneOf(issue.values.map(String), input);
    case 'invalid_union':
      // Only a union that is told apart by a key has its options listed; any other says itself what it takes.
      return 'options' in issue
        ? oneOf((issue.options as unknown[]).map(String), discriminatorOf(issue, input))
        : issue.message;
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message;
    case 'too_small':
    case 'too_big':
      return bound(issue);
    case 'invalid_format':
      return issue.format === 'url'
        ? 'must be an address such as http://localhost:8080, of an allowed scheme'
        : issue.message;
    default:
      return issue.message;
  }
}

function bound(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const [limit, word] =
    issue.code === 'too_small'
      ? [issue.minimum, issue.inclusive ? 'at least' : 'more than']
      : [issue.maximum, issue.inclusive ? 'at most' : 'less than'];
  if (issue.origin === 'string' || issue.origin === 'array') {
    const unit = issue.origin === 'string' ? 'characters' : 'items';
    return limit === 1 && issue.code === 'too_small' ? 'must not be empty' : `must have ${word} ${limit} ${unit}`;
  }
  return `must be ${word} ${limit}`;
}

function oneOf(options: readonly string[], input: unknown): string {
  const list = `one of ${options.join(', ')}`;
  if (input === undefined) return `is required (${list})`;
  return `must be ${list}${typeof input === 'string' ? didYouMean(input, options) : ''}`;
}

function discriminatorOf(issue: z.core.$ZodIssueInvalidUnion, input: unknown): unknown {
  const { discriminator } = issue;
  if (typeof input !== 'object' || input === null || discriminator === undefined) return undefined;
  return Object.hasOwn(input, discriminator) ? (input as Record<string, unknown>)[discriminator] : undefined;
}

/** Words for zod's and JavaScript's types, with their article. */
const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  nan: 'not-a-number',
};

function kind(name: string): string {
  return KINDS[name] ?? name;
}

function kindOfValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number' && !Number.isFinite(value)) return 'infinite or not-a-number';
  return kind(typeof value);
}

import type { z } from 'zod';
import { FrontierError } from '../../core/errors.ts';

/** Gives a body's JSON, undefined for an empty one. Throws MALFORMED_BODY when it is not UTF-8 or not JSON. */
export function parseJson(body: Buffer): unknown {
  if (body.byteLength === 0) return undefined;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (error) {
    throw new FrontierError('MALFORMED_BODY', 'the body is not valid UTF-8', { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FrontierError('MALFORMED_BODY', `the body is not valid JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Gives a body that fits the schema. Throws UNKNOWN_FIELD or INVALID_FIELD with the path of the first fault and the text of all. */
export function checkBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap(faultsOf);
  const first = faults[0];
  const detail = faults.map(({ field, fault }) => `${field === '' ? 'the body' : field} ${fault}`).join('; ');
  throw new FrontierError(first?.unknown === true ? 'UNKNOWN_FIELD' : 'INVALID_FIELD', detail, {
    ...(first === undefined || first.field === '' ? {} : { metadata: { field: first.field } }),
  });
}

interface Fault {
  readonly field: string;
  readonly fault: string;
  readonly unknown: boolean;
}

function faultsOf(issue: z.core.$ZodIssue): Fault[] {
  if (issue.code !== 'unrecognized_keys')
    return [{ field: pathText(issue.path), fault: `is wrong: ${issue.message}`, unknown: false }];
  return issue.keys.map((key) => ({
    field: pathText([...issue.path, key]),
    fault: 'is not a known field',
    unknown: true,
  }));
}

/** ["attachments", 0, "data"] → "attachments[0].data". */
function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

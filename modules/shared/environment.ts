import { z } from 'zod';
import { FrontierError } from '../../core/errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A whole number in an environment variable, within bounds. */
export function wholeNumber(min: number, max: number): z.ZodType<number> {
  return z.preprocess(numberOf, z.int(`must be a whole number from ${min} to ${max}`).min(min).max(max));
}

/** A number in an environment variable, within bounds. */
export function decimal(min: number, max: number): z.ZodType<number> {
  return z.preprocess(numberOf, z.number(`must be a number from ${min} to ${max}`).min(min).max(max));
}

function numberOf(value: unknown): unknown {
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
}

/**
 * Reads environment variables by a schema whose keys are their names; an empty variable counts as unset. Throws CONFIG_INVALID with every
 * fault, by name.
 */
export function readEnvironment<Schema extends z.ZodObject>(schema: Schema, env: Environment): z.output<Schema> {
  const given = Object.fromEntries(
    Object.keys(schema.shape).map((name) => [name, env[name] === '' ? undefined : env[name]]),
  );
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => {
    const name = path.join('.');
    return `${name}: ${message} (it is "${given[name] ?? ''}")`;
  });
  throw new FrontierError('CONFIG_INVALID', `the module's environment is invalid:\n  ${faults.join('\n  ')}`);
}

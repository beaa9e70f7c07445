import { z } from 'zod';

/** What the configuration's values are made of. */

/** A length of time, in seconds. */
export const seconds = z
  .number()
  .positive()
  .max(86_400 * 365);
/** A share, from 0 to 1. */
export const fraction = z.number().min(0).max(1);
/** A share, from 0 to 100. */
export const percent = z.number().min(0).max(100);
export const count = z.int().min(1);
export const port = z.int().min(0).max(65_535);
export const identifier = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be a DNS label: lower-case letters, digits and hyphens, at most 63',
  );

import { z } from 'zod';
import type { ClassifierInput } from '../classifier.ts';

const attachment = z.union([
  z.string().transform((mediaType) => ({ mediaType, name: '' })),
  z
    .object({ media_type: z.string().optional(), mediaType: z.string().optional(), name: z.string().default('') })
    .transform(({ media_type: snake, mediaType, name }) => ({
      mediaType: snake ?? mediaType ?? 'application/octet-stream',
      name,
    })),
]);

const row = z.object({
  text: z.string(),
  label: z.string().min(1).optional(),
  source: z.string().min(1).optional(),
  context: z.record(z.string(), z.unknown()).nullish(),
  attachments: z.array(attachment).nullish(),
});

/** A query of a file, labelled or not. */
export interface Row extends ClassifierInput {
  readonly label: string | undefined;
  readonly source: string | undefined;
  /** All that the row holds, as it was written. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** Reads one line of a file of queries. Throws an Error that says what is wrong with it. */
export function parseRow(line: string): Row {
  const raw: unknown = JSON.parse(line);
  const parsed = row.safeParse(raw);
  if (!parsed.success)
    throw new Error(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
  const { text, label, source, context, attachments } = parsed.data;
  return {
    text,
    label,
    source,
    context: context ?? undefined,
    attachments: attachments ?? [],
    raw: raw as Record<string, unknown>,
  };
}

import { z } from 'zod';
import { FrontierError } from '../../core/errors.ts';

/** How one answer is drawn from the model. */
export interface Sampling {
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly repeatPenalty: number;
  /** Texts before which the answer ends. */
  readonly stop: readonly string[];
  /** Same seed, same prompt, same answer (on one machine); undefined draws one. */
  readonly seed: number | undefined;
}

const MAX_STOPS = 8;
const MAX_STOP_LENGTH = 200;

const stopText = z
  .string()
  .min(1, 'must not be empty')
  .max(MAX_STOP_LENGTH, `must have at most ${MAX_STOP_LENGTH} characters`);

/** The parameters that the module knows; null counts as unset, others are open and passed over. */
const parametersSchema = z.object({
  max_tokens: z.int('must be a whole number').min(1, 'must be 1 or more').nullish(),
  temperature: z.number('must be a number').min(0, 'must be from 0 to 2').max(2, 'must be from 0 to 2').nullish(),
  top_p: z
    .number('must be a number')
    .gt(0, 'must be over 0 and at most 1')
    .max(1, 'must be over 0 and at most 1')
    .nullish(),
  stop: z
    .union(
      [stopText.transform((text) => [text]), z.array(stopText).max(MAX_STOPS, `must be at most ${MAX_STOPS} texts`)],
      {
        error: `must be a text or a list of up to ${MAX_STOPS} texts of 1 to ${MAX_STOP_LENGTH} characters`,
      },
    )
    .nullish(),
  seed: z
    .int('must be a whole number')
    .min(0, 'must be from 0 to 4294967295')
    .max(4_294_967_295, 'must be from 0 to 4294967295')
    .nullish(),
});

/** Gives the sampling of a query from its parameters over the module's defaults. Throws INVALID_FIELD naming the field. */
export function samplingFor(
  parameters: Readonly<Record<string, unknown>>,
  defaults: Omit<Sampling, 'stop' | 'seed'>,
): Sampling {
  const parsed = parametersSchema.safeParse(parameters);
  if (!parsed.success) throw invalid(parsed.error.issues);
  const { max_tokens, temperature, top_p, stop, seed } = parsed.data;
  return {
    maxTokens: max_tokens ?? defaults.maxTokens,
    temperature: temperature ?? defaults.temperature,
    topP: top_p ?? defaults.topP,
    repeatPenalty: defaults.repeatPenalty,
    stop: stop ?? [],
    seed: seed ?? undefined,
  };
}

function invalid(issues: readonly z.core.$ZodIssue[]): FrontierError {
  const faults = issues.map(({ path, message }) => `parameters.${path.join('.')} ${message}`);
  return new FrontierError('INVALID_FIELD', faults.join('; '), {
    metadata: { field: `parameters.${issues[0]?.path.join('.') ?? ''}` },
  });
}

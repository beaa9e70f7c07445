import { z } from 'zod';
import { count, fraction, seconds } from './scalars.ts';

/** What a module that has failed gets when it is back, and what is done about one that fails again and again. */

export const slowStart = z
  .strictObject({
    window: z
      .number()
      .min(0)
      .max(3_600)
      .default(10)
      .describe(
        'Time over which the share of a module that is back after a failure rises to the whole, in seconds; 0 gives it everything at once.',
      ),
    first_share: fraction.min(0.01).default(0.1).describe('Share with which it begins.'),
  })
  .prefault({})
  .describe('How a module that is back after a failure is given its queries again, while another one can answer.');

const restart = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Whether it is done.'),
    after_openings: count
      .default(3)
      .describe('Openings of its breaker, with no quiet time between, after which a module is started anew.'),
    max_restarts: count.default(3).describe('Restarts of one module within the window at the most.'),
    window: seconds.default(600).describe('Time over which restarts are counted, in seconds.'),
  })
  .prefault({})
  .describe(
    'Restart of a module that fails although its process lives; the loader does it, one replica after another.',
  );

const quarantine = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Whether it is done.'),
    crashes: count.default(8).describe('Crashes and failed starts in a row after which a module is left alone.'),
    first: seconds
      .default(20)
      .describe('Time until it is tried again, in seconds; each further time is twice as long.'),
    max: seconds.default(900).describe('The same at the most, in seconds.'),
  })
  .prefault({})
  .describe('What becomes of a module whose workload crashes in a loop.');

const drift = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe('Whether changes of latency, errors, confidence and memory are watched for.'),
    drain: z
      .boolean()
      .default(true)
      .describe('Whether a drifting module gets a small share while another one can answer.'),
    warm: z.boolean().default(true).describe('Whether a module that can stand in for it is started beforehand.'),
    share: fraction.default(0.1).describe('Share of a drifting module.'),
  })
  .prefault({})
  .describe('What is done about a module that gets worse, before it fails.');

const exhaustion = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe(
        'Whether it is watched for: CPU at its limit while answers are late, slow or refused, and errors that say what is used up.',
      ),
    drain: z.boolean().default(true).describe('Whether such a module gets a small share while another one can answer.'),
    warm: z.boolean().default(true).describe('Whether a module that can stand in for it is started.'),
    share: fraction.default(0.1).describe('Share of such a module.'),
    restart_after: z
      .int()
      .min(0)
      .default(3)
      .describe(
        'Answers in a row that fail for want of memory, GPU memory or open files, after which the module is started anew as `restart` allows; 0 for never.',
      ),
  })
  .prefault({})
  .describe('What is done about a module whose resources are used up.');

const tuningBounds = z
  .strictObject({
    confidence_threshold: boundsOf(fraction, 0.1, 0.9).describe('Of the confidence threshold.'),
    failure_threshold: boundsOf(count, 2, 20).describe('Of the failures in a row that open a breaker.'),
    first_token: boundsOf(seconds, 0.5, 30).describe(
      "Of the wait for a module's first token, in seconds; its own timeouts.first_token is never exceeded.",
    ),
  })
  .prefault({})
  .describe('Bounds beyond which tuning does not move a setting.');

function boundsOf(number: z.ZodNumber, min: number, max: number) {
  return z
    .strictObject({
      min: number.default(min).describe('It is not set lower.'),
      max: number.default(max).describe('It is not set higher.'),
    })
    .refine((bounds) => bounds.min <= bounds.max, 'min must not be over max')
    .prefault({});
}

export const healing = z
  .strictObject({
    restart,
    quarantine,
    drift,
    exhaustion,
    tuning: z
      .enum(['off', 'recommend', 'apply'])
      .default('recommend')
      .describe(
        'Whether better thresholds and limits are derived from what was seen, and told; "apply" also takes them over, a step of each in five minutes, until the router is started again.',
      ),
    tuning_bounds: tuningBounds,
  })
  .prefault({})
  .describe('What is done by itself about modules that fail; each action can be turned off.');

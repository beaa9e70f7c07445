import { z } from 'zod';
import { count, fraction, seconds } from './scalars.ts';

/** The parts of the configuration that say what happens when more comes in than can be handled. */

/** Importance of requests, least first. */
export const PRIORITIES = ['low', 'normal', 'high', 'critical'] as const;

export const adaptiveConcurrency = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe('Whether the router learns how many queries the module can take at the same time.'),
    min_limit: count.optional().describe('Least that the limit of one replica falls to; max_in_flight when left out.'),
    tolerance: z
      .number()
      .min(1.1)
      .max(1_000)
      .optional()
      .describe(
        'How many times slower than when it is unloaded the module may get before the limit falls; left out, only refusals and time-outs lower it.',
      ),
    latency_floor: seconds
      .default(0.25)
      .describe('Queries whose first token (or whole answer) came within this time never count as slow, in seconds.'),
    probe_interval: seconds
      .default(60)
      .describe(
        'Age at which the speed of the unloaded module is measured again while it seems slow, with few queries for a moment, in seconds.',
      ),
  })
  .prefault({})
  .describe(
    'Lowers the limit from what max_in_flight and max_queued allow when queries are refused, time out or, with a tolerance, get slow, and raises it again.',
  );

export const admission = z
  .strictObject({
    adaptive: z
      .strictObject({
        enabled: z
          .boolean()
          .default(true)
          .describe('Whether the limit falls below max_concurrent_requests while the router itself cannot keep up.'),
        min_limit: count.default(50).describe('Least that it falls to, where max_concurrent_requests is not less.'),
        max_delay: seconds
          .default(0.1)
          .describe('Delay of the event loop that, standing for half a second, counts as overload, in seconds.'),
      })
      .prefault({}),
    queue: z
      .strictObject({
        size: z
          .int()
          .min(0)
          .default(100)
          .describe('Requests that may wait for a place for a moment; with 0 they are shed at once.'),
        max_wait: seconds.default(1).describe('Longest wait for a place, in seconds.'),
        standing_wait: seconds
          .default(0.1)
          .describe(
            'Longest wait once the queue has not been empty for max_wait, in seconds; requests of tenants under their share go on waiting for max_wait.',
          ),
      })
      .prefault({})
      .describe('A short queue that takes up bursts; what does not get a place in time is shed.'),
    fair_share: z
      .boolean()
      .default(true)
      .describe(
        'Whether each tenant is sure of its share of the places by security.tenants.NAME.weight; what others leave unused is lent.',
      ),
    brown_out: z
      .strictObject({
        enabled: z.boolean().default(false).describe('Whether answers get cheaper under pressure.'),
        utilization: fraction.default(0.85).describe('Share of the places in use from which on there is pressure.'),
        recovery: fraction.default(0.6).describe('Share under which it is over.'),
        after: seconds
          .default(5)
          .describe(
            'Time of pressure after which queries of low priority are affected, then normal, then high; in seconds.',
          ),
        recover_after: seconds
          .default(10)
          .describe('Time without pressure after which one priority after another is spared again, in seconds.'),
        prefer_cheaper: z
          .boolean()
          .default(true)
          .describe('Whether plans begin with the cheapest module that can answer, and go through modules one by one.'),
        max_tokens: count
          .optional()
          .describe('Longest answer of affected queries, in tokens; not shortened when left out.'),
      })
      .prefault({})
      .describe('Under lasting pressure: cheaper modules and smaller answers; critical queries are never affected.'),
  })
  .prefault({})
  .describe('What happens when more comes in than can be handled.');

const priority = z.enum(PRIORITIES);

export const tenants = z
  .record(
    z.string().min(1),
    z.strictObject({
      weight: z
        .number()
        .min(0.01)
        .max(1_000)
        .default(1)
        .describe('Share of the places under contention, beside the weights of the other tenants.'),
      priority: priority.default('normal').describe('Priority of its requests that name none.'),
      max_priority: priority.default('critical').describe('Highest priority that its requests may have.'),
    }),
  )
  .default({})
  .describe('Tenants by name, with what they get when places are short; others have the defaults.');

export const maxPriority = priority
  .default('high')
  .describe(
    'Highest priority that requests of the role may have, as far as their tenant may; the built-in admin has critical.',
  );

import { z } from 'zod';
import { count, fraction, identifier, percent, seconds } from './scalars.ts';

/** The parts of a module's specification that say how the mesh carries its calls. */

export const loadBalancing = z
  .strictObject({
    policy: z
      .enum(['least_request', 'round_robin', 'ring_hash', 'weighted_by_load'])
      .default('least_request')
      .describe(
        'How a replica is chosen: fewest calls in flight, in turn, by session (ring_hash), or by the load that sidecars report.',
      ),
    session_header: z
      .enum(['x-frontier-session-id', 'x-frontier-tenant'])
      .default('x-frontier-session-id')
      .describe('Header whose value keeps its calls at one replica (ring_hash).'),
    slow_start: seconds
      .optional()
      .describe('Time over which a new replica gets its full share, in seconds; at once when left out.'),
    panic_threshold: percent
      .default(0)
      .describe(
        'Share of healthy replicas under which calls go to all of them, in percent; 0 never sends to an unhealthy one.',
      ),
    primary_zones: z
      .union([z.literal('local'), z.array(z.string().min(1))], { error: 'must be "local" or a list of zones' })
      .default('local')
      .describe(
        "Zones that are used first: each Envoy's own (local), or those of the list; replicas elsewhere take what these cannot. With an empty list zones count the same.",
      ),
    load_reports: z
      .strictObject({
        blackout: z
          .number()
          .min(0)
          .max(3_600)
          .default(10)
          .describe('Reports of a new replica are waited for so long, in seconds.'),
        update_interval: z
          .number()
          .min(0.1)
          .max(3_600)
          .default(1)
          .describe('Time between two new weights, in seconds.'),
        expiry: seconds.default(180).describe('Age at which a report no longer counts, in seconds.'),
        error_penalty: z
          .number()
          .min(0)
          .max(1_000)
          .default(1)
          .describe('How much the share of failed calls counts as load.'),
      })
      .prefault({})
      .describe('How reported loads become weights (weighted_by_load).'),
  })
  .prefault({});

export const outlierDetection = z
  .strictObject({
    consecutive_failures: count.default(5).describe('Failures in a row that eject a replica from the mesh for a time.'),
    consecutive_gateway_failures: count
      .optional()
      .describe(
        'Failures in a row to reach a replica (UNAVAILABLE, DEADLINE_EXCEEDED) that eject it; not counted apart when left out.',
      ),
    interval: seconds.default(5).describe('Time between two looks at ejected replicas, in seconds.'),
    base_ejection_time: seconds.default(10).describe('Length of a first ejection, in seconds; later ones are longer.'),
    max_ejection_time: seconds.default(300).describe('Longest ejection, in seconds.'),
    max_ejection_percent: z
      .int()
      .min(0)
      .max(100)
      .default(50)
      .describe('Share of the replicas that may be ejected, in percent.'),
    success_rate: z
      .strictObject({
        min_replicas: count.default(5).describe('Replicas with enough calls, below which rates are not compared.'),
        min_requests: count
          .default(100)
          .describe('Calls of a replica in one interval, below which its rate does not count.'),
        deviations: z
          .number()
          .min(0)
          .max(10)
          .default(1.9)
          .describe('Standard deviations below the mean success rate that eject a replica.'),
      })
      .optional()
      .describe("Ejects replicas whose success rate is far below the others'; off when left out."),
  })
  .prefault({});

export const healthCheck = z
  .strictObject({
    interval: seconds.default(5).describe('Time between two checks of a replica, in seconds.'),
    timeout: seconds.default(2).describe('Longest wait for an answer, in seconds.'),
    unhealthy_threshold: count.default(2).describe('Failed checks in a row that take a replica out.'),
    healthy_threshold: count.default(1).describe('Good checks in a row that take it back.'),
  })
  .optional()
  .describe(
    'Has Envoy itself ask each sidecar by grpc.health.v1; off when left out, for the loader already watches them.',
  );

/** What Envoy may send again: only conditions under which nothing can have been worked on, unless the author says more. */
const RETRY_CONDITIONS = [
  'connect-failure',
  'refused-stream',
  'reset-before-request',
  'reset',
  'unavailable',
  'resource-exhausted',
  'internal',
  'cancelled',
  'deadline-exceeded',
] as const;

export const retry = z
  .strictObject({
    attempts: z
      .int()
      .min(0)
      .max(10)
      .default(1)
      .describe('Times that Envoy sends a failed call again, to another replica.'),
    on: z
      .array(z.enum(RETRY_CONDITIONS))
      .min(1)
      .default(['connect-failure', 'refused-stream', 'reset-before-request'])
      .describe('When it does; the first three are cases in which the call cannot have been worked on.'),
    per_try_timeout: seconds
      .optional()
      .describe('Longest time for one of several tries, in seconds; unbounded when left out.'),
    back_off: seconds
      .default(0.025)
      .describe('First pause before sending again, in seconds; it grows to ten times as much.'),
    budget: z
      .strictObject({
        percent: percent.default(20).describe('Retries as a share of the calls in flight, in percent.'),
        min_concurrent: z
          .int()
          .min(0)
          .default(3)
          .describe('Retries at the same time that are allowed whatever the share.'),
      })
      .optional()
      .describe('Bounds retries by a share; takes the place of in_flight_limits.max_retries.'),
  })
  .prefault({});

export const traffic = z
  .strictObject({
    split: z
      .array(
        z.strictObject({
          module: identifier.describe('Module that takes the share, e.g. the next version of this one.'),
          percent: percent.describe('Its share of the calls, in percent; this module keeps the rest.'),
        }),
      )
      .default([])
      .describe(
        "Sends a share of this module's calls to others (canary, blue and green). One without ready replica gets none.",
      ),
    mirror: z
      .array(
        z.strictObject({
          module: identifier.describe('Module that gets a copy of calls; what it answers is thrown away.'),
          percent: percent.default(100).describe('Share of the calls that is copied, in percent.'),
        }),
      )
      .default([])
      .describe('Copies calls to other modules, to try them under real load.'),
    ramp: z
      .strictObject({
        steps: z
          .array(z.number().positive().max(100))
          .min(1)
          .default([1, 5, 25, 50])
          .describe('Shares on the way to the one in split, in percent.'),
        interval: seconds.default(60).describe('Shortest time at one step, in seconds.'),
        min_requests: count.default(50).describe('Calls to the new module at one step before it is judged.'),
        max_error_increase: fraction
          .default(0.02)
          .describe("How far the share of failed calls may be above this module's before the ramp is rolled back."),
        max_confidence_drop: fraction
          .default(0.05)
          .describe("How far the mean confidence may be below this module's before the ramp is rolled back."),
      })
      .optional()
      .describe('Raises the one share in split step by step, and takes it back when errors rise or confidence falls.'),
  })
  .prefault({});

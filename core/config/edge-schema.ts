import { z } from 'zod';
import { count, percent, seconds } from './scalars.ts';

/** What Envoy does at the edge beside passing requests on, and what routers tell one another through the control plane. */

const absolutePath = z.string().regex(/^\/[^\0]+$/, 'must be an absolute path on the machine of the gateway');

const jwt = z
  .strictObject({
    issuer: z.string().min(1).describe('The iss claim that tokens must have.'),
    audiences: z
      .array(z.string().min(1))
      .default([])
      .describe('Values of aud, one of which tokens must have; any when empty.'),
    jwks_file: absolutePath
      .optional()
      .describe('File with the keys, as a JSON Web Key Set; Envoy reads it when it takes up this configuration.'),
    jwks: z.string().min(1).optional().describe('The keys themselves, as a JSON Web Key Set.'),
    public_paths: z
      .array(z.string().regex(/^\//, 'must begin with a slash'))
      .default(['/health', '/grpc.health.v1.Health/'])
      .describe('Beginnings of paths that need no token.'),
    forward: z
      .boolean()
      .default(false)
      .describe('Whether the router gets the token too; without it, it sees API keys in x-api-key alone.'),
  })
  .optional()
  .describe('Lets only requests with a valid JSON Web Token through the edge; off when left out.');

const rbac = z
  .array(
    z.strictObject({
      name: z.string().min(1).describe('Name of the rule, for statistics.'),
      paths: z
        .array(z.string().regex(/^\//, 'must begin with a slash'))
        .default([])
        .describe('Beginnings of paths that the rule is for; all when empty.'),
      cidrs: z
        .array(z.union([z.cidrv4(), z.cidrv6()], { error: 'must be a range of addresses such as 10.0.0.0/8' }))
        .default([])
        .describe('Addresses that callers may have, e.g. "10.0.0.0/8"; any when empty.'),
      claims: z
        .record(z.string().min(1), z.array(z.string().min(1)).min(1))
        .default({})
        .describe(
          'Claims of the token with the values that they may have (mesh.edge.jwt); none is asked for when empty.',
        ),
    }),
  )
  .default([])
  .describe('Requests that at least one rule allows are let through the edge; with no rules, all are.');

export const edgeSchema = z
  .strictObject({
    compression: z
      .strictObject({
        algorithms: z
          .array(z.enum(['gzip', 'brotli', 'zstd']))
          .min(1)
          .default(['gzip'])
          .describe('What answers are compressed with, first choice first, if the client takes it.'),
        min_bytes: count.default(1024).describe('Answers shorter than this are sent as they are, in bytes.'),
        content_types: z
          .array(z.string().min(1))
          .min(1)
          .default([
            'application/json',
            'application/problem+json',
            'text/html',
            'text/css',
            'text/javascript',
            'application/javascript',
            'text/plain',
          ])
          .describe('Types of answers that are compressed; streams of events and gRPC never are.'),
      })
      .optional()
      .describe('Compresses answers of the HTTP API; off when left out.'),
    access_log: z
      .strictObject({
        requests: z
          .enum(['none', 'failures', 'all'])
          .default('failures')
          .describe('Which requests are logged, one JSON line each.'),
        file: absolutePath.optional().describe('File that lines are added to; the standard output when left out.'),
      })
      .prefault({}),
    rate_limit: z
      .strictObject({
        requests_per_second: z
          .number()
          .min(0.1)
          .max(1_000_000)
          .describe('Sustained requests a second through one Envoy.'),
        burst: count.describe('Requests that may come at once.'),
      })
      .optional()
      .describe('Refuses more requests than this with 429, before they reach a router; off when left out.'),
    jwt,
    rbac,
    max_connection_duration: seconds
      .optional()
      .describe(
        "Age at which a client's connection is asked to end, in seconds, so that clients spread over new Envoys.",
      ),
  })
  .prefault({});

export const sharedBreakers = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe('Whether a breaker that opens in one router is told to the others, through their Envoys.'),
    quorum: count.default(1).describe('Routers that must have opened their breaker before all calls are refused.'),
    lease: z
      .number()
      .min(1)
      .max(300)
      .default(5)
      .describe('Time after which the word of a router that has gone silent is dropped, in seconds.'),
    min_weight_percent: percent
      .default(10)
      .describe("Least that learned weights leave of a module's configured share in a split, in percent."),
  })
  .prefault({});

import { z } from 'zod';
import { callApi } from './http-api.ts';
import type { Target } from './target.ts';

const calibrationSchema = z.looseObject({
  judgements: z.number(),
  error_before: z.number(),
  error_after: z.number(),
});
const classSchema = z.looseObject({
  attempts: z.number().default(0),
  accepted: z.number().default(0),
  failures: z.record(z.string(), z.number()).default({}),
  calibration: calibrationSchema.optional(),
});
const moduleSchema = z.looseObject({
  module_id: z.string(),
  breaker: z.looseObject({ state: z.string() }),
  classes: z.record(z.string(), classSchema).default({}),
});
const pathSchema = z.looseObject({
  query_class: z.string(),
  modules: z.array(z.string()),
  requests: z.number(),
  accepted: z.number(),
  added_latency: z.looseObject({ p50: z.number().nullable(), p99: z.number().nullable() }),
});
const recommendationSchema = z.looseObject({
  module_id: z.string(),
  setting: z.string(),
  query_class: z.string().optional(),
  present: z.number(),
  value: z.number(),
  reason: z.string(),
});
const tunedSchema = recommendationSchema.pick({ module_id: true, setting: true, query_class: true, value: true });
const scopeSchema = z.looseObject({
  of: z.string(),
  routers: z.number(),
  since: z.string(),
  up_to_date: z.boolean(),
});
const statsSchema = z.looseObject({
  scope: scopeSchema,
  modules: z.array(moduleSchema),
  paths: z.array(pathSchema).default([]),
  recommendations: z.array(recommendationSchema).default([]),
  tuned: z.array(tunedSchema).default([]),
});

/** What GET /fallback/stats tells, as far as it is shown; the rest is kept for --json. */
export type FallbackBody = z.output<typeof statsSchema>;

/** Gives how modules have failed and who stood in for them. Throws as callApi does. */
export async function fetchFallbackStats(target: Target): Promise<FallbackBody> {
  return statsSchema.parse(await callApi(target, 'GET', '/fallback/stats'));
}

const eventsSchema = z.looseObject({
  events: z.array(z.looseObject({ time: z.string(), action: z.string(), module_id: z.string(), reason: z.string() })),
});

/** Gives what was done about modules by itself, the newest first. Throws as callApi does. */
export async function fetchFallbackEvents(target: Target): Promise<z.output<typeof eventsSchema>['events']> {
  return eventsSchema.parse(await callApi(target, 'GET', '/fallback/events')).events;
}

import { z } from 'zod';
import { callApi } from './http-api.ts';
import type { Target } from './target.ts';

const amount = z.number().optional();
const replicaSchema = z.looseObject({
  replica_id: z.string(),
  state: z.string(),
  restarts: z.number().default(0),
  memory_bytes: amount,
  cpu_cores: amount,
  gpu: z.looseObject({ memory_bytes: amount, device_memory_bytes: amount }).optional(),
});
const moduleSchema = z.looseObject({
  module_id: z.string(),
  state: z.string(),
  reason: z.string().default(''),
  query_classes: z.array(z.string()).default([]),
  in_flight: z.number().default(0),
  waiting: z.number().default(0),
  desired_replicas: z.number().default(0),
  replicas: z.array(replicaSchema).default([]),
  resource_limits: z.looseObject({ memory_bytes: amount, cpu_cores: amount }).optional(),
  breaker: z.looseObject({ state: z.string() }).optional(),
});
const statusSchema = z.looseObject({
  version: z.string().default('?'),
  uptime_seconds: z.number().default(0),
  in_flight: z.number().default(0),
  routers: z.looseObject({ configured: z.number(), running: z.number() }).optional(),
  loader: z.looseObject({ connected: z.boolean() }).optional(),
  classifier: z
    .looseObject({ model: z.string(), second_stage: z.looseObject({ state: z.string(), detail: z.string() }) })
    .optional(),
  modules: z.array(moduleSchema),
});

/** What GET /status tells, as far as the commands show it; the rest is kept for --json. */
export type StatusBody = z.output<typeof statusSchema>;
export type ModuleBody = z.output<typeof moduleSchema>;

/** Gives a system's status. Throws as callApi does. */
export async function fetchStatus(target: Target): Promise<StatusBody> {
  return statusSchema.parse(await callApi(target, 'GET', '/status'));
}

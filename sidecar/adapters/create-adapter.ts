import type { ModuleSpec } from '../../core/config/schema.ts';
import { FrontierError } from '../../core/errors.ts';
import type { Adapter } from './adapter.ts';
import { createGrpcAdapter } from './grpc-adapter.ts';
import { createOpenAiAdapter } from './openai-adapter.ts';

/**
 * Gives the adapter that a module asks for. `workloadAddress` (host:port) is where its own workload listens; adapter.url
 * stands for a workload that runs elsewhere. Throws CONFIG_INVALID when there is neither, or when the API key's
 * environment variable is not set.
 */
export function createAdapter(
  { adapter, module_id: moduleId }: ModuleSpec,
  workloadAddress: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Adapter {
  if (adapter.url === undefined && workloadAddress === undefined) {
    throw new FrontierError(
      'CONFIG_INVALID',
      `module ${moduleId} has no adapter.url: pass --workload-address HOST:PORT`,
    );
  }
  if (adapter.type === 'grpc') return createGrpcAdapter(workloadAddress ?? hostOf(adapter.url ?? ''));
  return createOpenAiAdapter({
    url: workloadAddress === undefined ? (adapter.url ?? '') : `http://${workloadAddress}/v1`,
    apiKey: apiKeyOf(adapter.api_key_env, env),
    model: adapter.model,
    systemPrompt: adapter.system_prompt,
    maxTokens: adapter.max_tokens,
    temperature: adapter.temperature,
  });
}

function hostOf(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port === '' ? '50051' : port}`;
}

function apiKeyOf(name: string | undefined, env: Readonly<Record<string, string | undefined>>): string | undefined {
  if (name === undefined) return undefined;
  const key = env[name];
  if (key !== undefined && key !== '') return key;
  throw new FrontierError('CONFIG_INVALID', `the environment variable ${name} (adapter.api_key_env) is not set`);
}

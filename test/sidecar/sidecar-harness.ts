import { credentials, ServerCredentials } from '@grpc/grpc-js';
import { systemClock } from '../../core/clock.ts';
import { moduleSpecSchema } from '../../core/config/schema.ts';
import type { ModuleSpecInput } from '../../core/config/schema.ts';
import { clientOptions, streamCall, unaryCall } from '../../core/grpc/channel.ts';
import type { CallSettings } from '../../core/grpc/channel.ts';
import { silentLogger } from '../../core/logging.ts';
import { createMetricsRegistry } from '../../core/telemetry/metrics.ts';
import type { Registry } from '../../core/telemetry/metrics.ts';
import { ModuleMessage } from '../../gen/frontier/common/v1/message.ts';
import type { AnswerPayload, ErrorPayload, QueryPayload } from '../../gen/frontier/common/v1/message.ts';
import { SidecarServiceClient } from '../../gen/frontier/sidecar/v1/sidecar.ts';
import type { ExecuteManyResponse } from '../../gen/frontier/sidecar/v1/sidecar.ts';
import { createAdapter } from '../../sidecar/adapters/create-adapter.ts';
import { startSidecar } from '../../sidecar/sidecar.ts';
import type { Sidecar } from '../../sidecar/sidecar.ts';
import { onCleanup } from '../support/cleanup.ts';
import { freePort } from '../support/free-port.ts';
import { startPart } from '../support/process.ts';

export interface TestSidecar {
  readonly sidecar: Sidecar;
  readonly registry: Registry;
  readonly client: SidecarServiceClient;
  readonly execute: (query: Partial<QueryPayload>, settings?: CallSettings) => Promise<AnswerPayload>;
  /** Gives what came: tokens' texts, then the answer. Throws what the stream ended with. */
  readonly stream: (query: Partial<QueryPayload>, onToken?: (text: string) => void) => Promise<AnswerPayload>;
}

/** Starts a sidecar in this process, over a workload at `address` or at the spec's adapter.url, and waits for it. */
export async function startTestSidecar(
  spec: Omit<ModuleSpecInput, 'module_id'>,
  address?: string,
  env: Record<string, string> = {},
): Promise<TestSidecar> {
  const parsed = moduleSpecSchema.parse({ module_id: 'tested', ...spec });
  const registry = createMetricsRegistry();
  const sidecar = await startSidecar({
    spec: parsed,
    replicaId: '0',
    adapter: createAdapter(parsed, address, env),
    clock: systemClock,
    log: silentLogger,
    registry,
    healthIntervalMs: 100,
    host: '127.0.0.1',
    credentials: ServerCredentials.createInsecure(),
    authorize: () => undefined,
  });
  onCleanup(() => sidecar.close());
  await sidecar.ready;
  const client = new SidecarServiceClient(
    `127.0.0.1:${sidecar.port}`,
    credentials.createInsecure(),
    clientOptions({ 'grpc.use_local_subchannel_pool': 1 }),
  );
  onCleanup(() => {
    client.close();
    return Promise.resolve();
  });
  return {
    sidecar,
    registry,
    client,
    execute: async (query, settings) =>
      answerIn((await unaryCall(client.execute.bind(client), { message: queryMessage(query) }, settings)).message),
    stream: async (query, onToken) => {
      let answer: AnswerPayload | undefined;
      const responses = streamCall(client.executeStream.bind(client), { message: queryMessage(query) });
      for await (const { message } of responses) {
        if (message?.payload?.$case === 'token') onToken?.(message.payload.value.text);
        else answer = answerIn(message);
      }
      if (answer === undefined) throw new Error('the stream ended without an answer');
      return answer;
    },
  };
}

/** Gives the envelope of a query. */
export function queryMessage(query: Partial<QueryPayload>, messageId = 'q1'): ModuleMessage {
  return ModuleMessage.fromPartial({
    header: { messageId, source: 'router', destination: 'tested' },
    payload: { $case: 'query', value: { query: 'Say something', ...query } },
  });
}

function answerIn(message: ModuleMessage | undefined): AnswerPayload {
  if (message?.payload?.$case === 'answer') return message.payload.value;
  throw new Error(`no answer but ${JSON.stringify(message)}`);
}

/** Sends batches on one bulk stream and gives each result by its query's id, and how many messages brought them. */
export async function executeMany(
  client: SidecarServiceClient,
  batches: readonly (readonly ModuleMessage[])[],
): Promise<{ results: Map<string, AnswerPayload | ErrorPayload>; responses: number }> {
  const call = client.executeMany();
  const results = new Map<string, AnswerPayload | ErrorPayload>();
  let responses = 0;
  for (const messages of batches) call.write({ messages: [...messages] });
  call.end();
  for await (const response of call) {
    responses++;
    for (const { header, payload } of (response as ExecuteManyResponse).messages) {
      if (payload?.$case === 'answer' || payload?.$case === 'error') {
        results.set(header?.correlationId ?? '', payload.value);
      }
    }
  }
  return { results, responses };
}

/** Starts the echo module as a process and gives its address. */
export async function startEcho(env: Record<string, string> = {}): Promise<string> {
  const port = await freePort();
  await startPart({
    command: process.execPath,
    args: ['test/fixtures/echo-module.ts'],
    env: { ...env, PORT: String(port), NODE_OPTIONS: undefined },
  });
  return `127.0.0.1:${port}`;
}

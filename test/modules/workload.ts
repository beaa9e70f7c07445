import { fileURLToPath } from 'node:url';
import { connect } from 'node:net';
import { credentials } from '@grpc/grpc-js';
import type { AnswerPayload, ModuleMessage, QueryPayload } from '../../gen/frontier/common/v1/message.ts';
import { ModuleServiceClient } from '../../gen/frontier/module/v1/module.ts';
import { clientOptions, streamCall, unaryCall } from '../../core/grpc/channel.ts';
import type { CallSettings } from '../../core/grpc/channel.ts';
import { onCleanup } from '../support/cleanup.ts';
import { freePort } from '../support/free-port.ts';
import { startPart } from '../support/process.ts';
import type { Part } from '../support/process.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Workload {
  readonly part: Part;
  readonly port: number;
  readonly client: ModuleServiceClient;
}

export interface WorkloadOptions {
  readonly command?: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a workload on a free port and waits until it describes itself. */
export async function startWorkload(options: WorkloadOptions): Promise<Workload> {
  const { command = process.execPath, args, cwd = ROOT, env = {} } = options;
  const port = await freePort();
  const client = new ModuleServiceClient(`127.0.0.1:${port}`, credentials.createInsecure(), clientOptions());
  onCleanup(() => {
    client.close();
    return Promise.resolve();
  });
  const ready = async (): Promise<boolean> => {
    await reachable(port);
    await unaryCall(client.describe.bind(client), {});
    return true;
  };
  const part = await startPart({
    command,
    args,
    cwd,
    env: { ...env, PORT: String(port), NODE_OPTIONS: '' },
    ready,
    readyTimeoutMs: 60_000,
  });
  return { part, port, client };
}

/** A refused gRPC channel waits longer and longer; a plain connection tells sooner that the server is there. */
function reachable(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
}

export type QueryFields = Partial<QueryPayload> & { readonly query: string };

/** Gives the envelope of a query. */
export function queryMessage(fields: QueryFields, messageId = 'm1'): ModuleMessage {
  const value: QueryPayload = {
    context: undefined,
    parameters: undefined,
    attachments: [],
    history: [],
    priors: undefined,
    ...fields,
  };
  const header = {
    messageId,
    correlationId: '',
    source: 'test',
    destination: '',
    type: 1 as const,
    priority: 0 as const,
    createTime: undefined,
    timeToLive: undefined,
    trace: undefined,
    tenant: 'acme',
  };
  return { header, payload: { $case: 'query', value }, metadata: undefined };
}

/** Gives the answer in a message; throws when it holds something else. */
export function answerIn(message: ModuleMessage | undefined): AnswerPayload {
  if (message?.payload?.$case !== 'answer') throw new Error(`no answer but ${message?.payload?.$case ?? 'nothing'}`);
  return message.payload.value;
}

/** Asks for a whole answer. */
export async function ask(
  { client }: Workload,
  fields: QueryFields,
  settings: CallSettings = {},
): Promise<AnswerPayload> {
  const { message } = await unaryCall(client.invoke.bind(client), { message: queryMessage(fields) }, settings);
  return answerIn(message);
}

/** Asks for a streamed answer; gives its pieces and the whole. */
export async function askStream({ client }: Workload, fields: QueryFields, settings: CallSettings = {}) {
  const pieces: string[] = [];
  for await (const { message } of streamCall(
    client.invokeStream.bind(client),
    { message: queryMessage(fields) },
    settings,
  )) {
    if (message?.payload?.$case === 'token') pieces.push(message.payload.value.text);
    else return { pieces, answer: answerIn(message), header: message?.header };
  }
  throw new Error('the stream ended without an answer');
}

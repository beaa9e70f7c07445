import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Server, ServerCredentials, loadPackageDefinition, status } from '@grpc/grpc-js';
import type { ServerUnaryCall, ServerWritableStream, ServiceClientConstructor, sendUnaryData } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { HealthImplementation } from 'grpc-health-check';
import { answer, selfAssessment } from './answer.ts';

/**
 * A Frontier module in one file: frontier.module.v1.ModuleService and grpc.health.v1 on 127.0.0.1:$PORT.
 * Copy this folder and proto/, set FRONTIER_PROTO_DIR if proto/ stands elsewhere, and change answer.ts.
 */

interface Header {
  readonly messageId: string;
  readonly source: string;
  readonly tenant: string;
}
interface Message {
  readonly header: Header | null;
  readonly payload?: string;
  readonly query?: { readonly query: string } | null;
}
interface Asked {
  readonly message: Message | null;
}
interface AskedMany {
  readonly messages: readonly Message[];
}

const MODULE_ID = process.env['FRONTIER_MODULE_ID'] ?? 'my-module';
const protoDir = process.env['FRONTIER_PROTO_DIR'] ?? fileURLToPath(new URL('../../../proto', import.meta.url));
const definition = loadSync('frontier/module/v1/module.proto', {
  includeDirs: [protoDir],
  oneofs: true,
  defaults: true,
});
const { ModuleService } = (
  loadPackageDefinition(definition) as unknown as {
    frontier: { module: { v1: Record<string, ServiceClientConstructor> } };
  }
).frontier.module.v1;
if (ModuleService === undefined) throw new Error(`no ModuleService in ${protoDir}`);

/** Gives the envelope of a reply: correlated with the query, back to its sender. */
function reply(to: Message | null, payload: object): object {
  const header = {
    messageId: randomUUID(),
    correlationId: to?.header?.messageId ?? '',
    source: MODULE_ID,
    destination: to?.header?.source ?? '',
    tenant: to?.header?.tenant ?? '',
  };
  return { header, ...payload };
}

function queryOf(message: Message | null): string {
  const query = message?.query?.query ?? '';
  if (query.trim() !== '') return query;
  throw Object.assign(new Error('message.payload must be a query with text'), { code: status.INVALID_ARGUMENT });
}

/** Gives the token messages of an answer, then the whole answer. */
async function* replies(message: Message | null, signal: AbortSignal): AsyncGenerator<object> {
  const query = queryOf(message);
  let content = '';
  let index = 0;
  for await (const text of answer(query, signal)) {
    content += text;
    yield reply(message, { token: { text, index: index++ } });
  }
  yield reply(message, {
    answer: { content, finishReason: 'FINISH_REASON_STOP', selfAssessment: selfAssessment(query) },
  });
}

async function whole(message: Message | null, signal: AbortSignal): Promise<object | undefined> {
  let last: object | undefined;
  for await (const part of replies(message, signal)) last = part;
  return last;
}

function signalOf(call: { on(event: 'cancelled', listener: () => void): unknown }): AbortSignal {
  const controller = new AbortController();
  call.on('cancelled', () => {
    controller.abort(new Error('the caller has gone'));
  });
  return controller.signal;
}

function errorOf(thrown: unknown): { code: number; details: string } {
  const code = thrown instanceof Error && 'code' in thrown ? Number(thrown.code) : status.INTERNAL;
  return { code, details: thrown instanceof Error ? thrown.message : String(thrown) };
}

function unary<Request>(work: (request: Request, signal: AbortSignal) => Promise<object>) {
  return (call: ServerUnaryCall<Request, object>, callback: sendUnaryData<object>): void => {
    work(call.request, signalOf(call)).then(
      (response) => {
        callback(null, response);
      },
      (error: unknown) => {
        callback(errorOf(error));
      },
    );
  };
}

async function stream(call: ServerWritableStream<Asked, object>): Promise<void> {
  const signal = signalOf(call);
  try {
    for await (const message of replies(call.request.message, signal)) {
      // A slow reader fills the stream's buffer: wait until it has room again.
      if (!call.write({ message }) && !signal.aborted) {
        await new Promise<void>((resolve) => {
          call.once('drain', resolve);
          signal.addEventListener('abort', () => {
            resolve();
          });
        });
      }
    }
    call.end();
  } catch (error) {
    call.emit('error', errorOf(error));
  }
}

const server = new Server();
server.addService(ModuleService.service, {
  invoke: unary<Asked>(async ({ message }, signal) => ({ message: await whole(message, signal) })),
  invokeStream: (call: ServerWritableStream<Asked, object>) => void stream(call),
  invokeBatch: unary<AskedMany>(async ({ messages }, signal) => {
    const one = (message: Message): Promise<object | undefined> =>
      whole(message, signal).catch((error: unknown) => {
        const { code, details } = errorOf(error);
        return reply(message, { error: { code, reason: 'MODULE_FAILED', message: details } });
      });
    return { messages: await Promise.all(messages.map(one)) };
  }),
  describe: unary(() =>
    Promise.resolve({ name: MODULE_ID, version: '0.1.0', maxConcurrency: 16, streaming: true, batching: true }),
  ),
});
const health = new HealthImplementation({ '': 'SERVING', 'frontier.module.v1.ModuleService': 'SERVING' });
health.addToServer(server);

server.bindAsync(`127.0.0.1:${process.env['PORT'] ?? '9000'}`, ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) {
    console.error(error.message);
    process.exit(1);
  }
  console.log(`serving on 127.0.0.1:${port}`);
});

// Finish what is in flight, then end; the sidecar waits for that no longer than timeouts.drain.
const drain = (): void => {
  health.setStatus('', 'NOT_SERVING');
  server.tryShutdown(() => process.exit(0));
};
process.once('SIGTERM', drain);
process.once('SIGINT', drain);

import { Metadata, type ClientDuplexStream } from '@grpc/grpc-js';
import { FrontierError } from '../../core/errors.ts';
import { fromStatus } from '../../core/grpc/status.ts';
import type { ModuleMessage } from '../../gen/frontier/common/v1/message.ts';
import type { ExecuteManyRequest, ExecuteManyResponse } from '../../gen/frontier/sidecar/v1/sidecar.ts';
import type { ModuleChannels } from './module-channel.ts';

/** One query on its way through a bulk stream. */
export interface BulkCall {
  readonly messageId: string;
  /** Makes the message when its turn has come. */
  message(): ModuleMessage;
  onReply(message: ModuleMessage): void;
  /** Told instead of a reply when the stream breaks. */
  onBroken(error: FrontierError): void;
}

/** An open ExecuteMany stream to a module: batches out, results back in any order, matched by id. */
export interface ModuleStream {
  /** Sends calls as one message. */
  send(calls: readonly BulkCall[]): void;
  /** Forgets a call that nobody waits for any more; a late reply is dropped. Tells whether it was in flight. */
  forget(messageId: string): boolean;
  readonly inFlight: number;
  /** Whether the other end takes less than is written; nothing should be sent until it drains. */
  readonly blocked: boolean;
  readonly open: boolean;
  close(): void;
}

export interface ModuleStreamEvents {
  /** Called after results have come in, or the stream can be written to again. */
  readonly onProgress: () => void;
}

/** Opens a stream to a module. */
export function openModuleStream(
  moduleId: string,
  channels: ModuleChannels,
  { onProgress }: ModuleStreamEvents,
): ModuleStream {
  const calls = new Map<string, BulkCall>();
  let open = true;
  let blocked = false;
  const stream: ClientDuplexStream<ExecuteManyRequest, ExecuteManyResponse> = channels
    .get(moduleId)
    .executeMany(new Metadata());

  const breakWith = (error: FrontierError): void => {
    if (!open) return;
    open = false;
    const broken = [...calls.values()];
    calls.clear();
    for (const call of broken) call.onBroken(error);
    onProgress();
  };
  stream.on('data', ({ messages }: ExecuteManyResponse) => {
    for (const message of messages) {
      const id = message.header?.correlationId ?? '';
      const call = calls.get(id);
      calls.delete(id);
      call?.onReply(message);
    }
    onProgress();
  });
  stream.on('drain', () => {
    blocked = false;
    onProgress();
  });
  stream.on('error', (error) => {
    breakWith(fromStatus(error));
  });
  stream.on('end', () => {
    breakWith(new FrontierError('STREAM_BROKEN', 'the module ended the stream'));
  });
  return {
    send(batch) {
      for (const call of batch) calls.set(call.messageId, call);
      blocked = !stream.write({ messages: batch.map((call) => call.message()) });
    },
    forget: (messageId) => calls.delete(messageId),
    get inFlight() {
      return calls.size;
    },
    get blocked() {
      return blocked;
    },
    get open() {
      return open;
    },
    close() {
      stream.end();
      if (calls.size > 0) stream.cancel();
    },
  };
}

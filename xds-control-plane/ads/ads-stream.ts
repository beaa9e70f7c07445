import type { ServerDuplexStream } from '@grpc/grpc-js';
import { FrontierError } from '../../core/errors.ts';
import { contextOf } from '../../core/grpc/handlers.ts';
import { toStatus } from '../../core/grpc/status.ts';
import { startSession } from './ads-session.ts';
import type { AdsDependencies, Session, Write } from './ads-session.ts';
import type { DiscoveryNode, WireRequest } from './discovery-requests.ts';
import type { Form } from './stream-state.ts';

export type DiscoveryCall = ServerDuplexStream<WireRequest, Buffer>;

/**
 * Serves one stream of either form. `typeUrl` is that of a service for one type; undefined on the aggregated stream, where
 * every request must give its type (checklist 3).
 */
export function serveStream(call: DiscoveryCall, form: Form, typeUrl: string | undefined, deps: AdsDependencies): void {
  const context = contextOf(call);
  let session: Session | undefined;
  let ended = false;
  const end = (): void => {
    // A cancelled call tells of its end in several ways.
    if (ended) return;
    ended = true;
    session?.close();
    deps.stopping.removeEventListener('abort', stop);
  };
  const fail = (error: unknown): void => {
    if (ended) return;
    end();
    call.emit('error', toStatus(error));
  };
  const stop = (): void => {
    fail(new FrontierError('DRAINING', 'the control plane is stopping'));
  };
  const write: Write = (bytes, taken) => {
    call.write(bytes, (error: Error | null | undefined) => {
      if (error == null) taken();
    });
  };
  const open = async (first: WireRequest): Promise<void> => {
    const node = nodeOf(first);
    call.pause();
    const client = await deps.admit(context, node);
    if (context.signal.aborted || ended) {
      client.view.close();
      return;
    }
    session = startSession(form, node, client, write, deps);
    session.receive(first);
    call.resume();
  };
  deps.stopping.addEventListener('abort', stop, { once: true });
  if (deps.stopping.aborted) stop();
  context.signal.addEventListener('abort', end, { once: true });
  call.on('error', end);
  call.on('end', () => {
    if (ended) return;
    end();
    call.end();
  });
  call.on('data', (received: WireRequest) => {
    if (ended) return;
    try {
      const request = withType(received, typeUrl);
      if (session === undefined) open(request).catch(fail);
      else session.receive(request);
    } catch (error) {
      fail(error);
    }
  });
}

/** Gives a request with its type; on a service for one type it may be left out. Throws INVALID_FIELD. */
export function withType(request: WireRequest, typeUrl: string | undefined): WireRequest {
  if (typeUrl === undefined) {
    if (request.typeUrl === '') throw new FrontierError('INVALID_FIELD', 'type_url must be given on ADS');
    return request;
  }
  if (request.typeUrl === '') return { ...request, typeUrl };
  if (request.typeUrl === typeUrl) return request;
  throw new FrontierError('INVALID_FIELD', `this service serves ${typeUrl} only`);
}

/** Gives who asks, which only the first request of a stream need say (checklist 1, 2). Throws INVALID_FIELD. */
export function nodeOf({ node }: WireRequest): DiscoveryNode {
  if (node === undefined || node.id === '') {
    throw new FrontierError('INVALID_FIELD', "the first request's node.id must be given");
  }
  return node;
}

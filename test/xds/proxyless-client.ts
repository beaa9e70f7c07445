import { credentials } from '@grpc/grpc-js';
import { register, XdsChannelCredentials } from '@grpc/grpc-js-xds';
import { messageOf } from '../../core/errors.ts';
import { EchoClient } from './echo.ts';

/**
 * A process that calls modules without proxy; its bootstrap comes in GRPC_XDS_BOOTSTRAP_CONFIG, as in production. Its own
 * process, because grpc-js-xds keeps timers for 15 minutes after its channels have been closed.
 */
export interface CallOrder {
  readonly id: number;
  readonly moduleId: string;
  readonly text: string;
}

export interface CallResult {
  readonly id: number;
  readonly answer?: string;
  readonly error?: { readonly code: number | undefined; readonly message: string };
}

register();
const clients = new Map<string, EchoClient>();

process.on('message', (order: CallOrder) => {
  const client =
    clients.get(order.moduleId) ??
    new EchoClient(`xds:///${order.moduleId}`, new XdsChannelCredentials(credentials.createInsecure()));
  clients.set(order.moduleId, client);
  client.say(order.text).then(
    (answer) => process.send?.({ id: order.id, answer } satisfies CallResult),
    (error: unknown) => {
      const { code } = error as { code?: number };
      process.send?.({ id: order.id, error: { code, message: messageOf(error) } } satisfies CallResult);
    },
  );
});
process.on('disconnect', () => {
  process.exit(0);
});

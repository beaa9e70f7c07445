import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHttpClient } from '../../sidecar/adapters/http-client.ts';
import { freezePort } from '../fixtures/frozen-port.ts';
import { freePort } from '../support/free-port.ts';

let port: number;
let thaw: (() => Promise<void>) | undefined;
beforeAll(async () => {
  port = await freePort();
  thaw = await freezePort(port, 'no_handshake');
});
afterAll(() => thaw?.());

test('whoever gives up on a server that completes no handshake is free at once, whether or not it was asked already', async () => {
  const client = createHttpClient({ url: `http://127.0.0.1:${port}`, apiKey: undefined });
  const reason = new Error('given up');
  const controller = new AbortController();
  const outcomes: unknown[] = [];
  const send = (): void => {
    const sent = client.send({ method: 'GET', path: '/models', signal: controller.signal });
    sent.catch((error: unknown) => outcomes.push(error));
  };
  send();
  await turn();
  expect(outcomes).toEqual([]);
  controller.abort(reason);
  send();
  await turn();
  expect(outcomes).toEqual([
    expect.objectContaining({ reason: 'MODULE_UNAVAILABLE', cause: reason }),
    expect.objectContaining({ reason: 'MODULE_UNAVAILABLE', cause: reason }),
  ]);
  await client.close();
});

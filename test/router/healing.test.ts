import { expect, it } from '@jest/globals';
import { FrontierError } from '../../core/errors.ts';
import { unaryCall } from '../../core/grpc/channel.ts';
import { RouteRequest, type RouteResponse } from '../../gen/frontier/router/v1/router.ts';
import { eventually } from '../support/eventually.ts';
import { get, post } from '../support/http-api.ts';
import { answering } from './five-modules.ts';
import { startTestRouter, type TestModule, type TestRouter } from './router-harness.ts';

const module = (module_id: string): TestModule => ({
  spec: { module_id, query_classes: ['GENERAL'], workload: { command: ['node', 'x'] } },
  behaviour: answering(module_id),
});
const SETTINGS = {
  router: { selection: { exploration: { share: 0 } } },
  fallback: {
    circuit_breaker: { failure_threshold: 1, open_duration: 0.05, max_open_duration: 0.05 },
    slow_start: { window: 3_600, first_share: 0.2 },
    healing: { restart: { after_openings: 3 } },
  },
};
const ask = (router: TestRouter, more: object = {}): Promise<RouteResponse> =>
  unaryCall(router.client.route.bind(router.client), RouteRequest.fromPartial({ query: 'hello', ...more }));
const actions = async (router: TestRouter): Promise<{ action: string; module_id: string; reason: string }[]> => {
  const { body } = await get(`${router.url}/fallback/events`);
  return (body as { events: { action: string; module_id: string; reason: string }[] }).events;
};

it('a module that fails again and again is started anew, and begins with a small share once it is back', async () => {
  const router = await startTestRouter([module('a'), module('b')], SETTINGS);
  const fail = (): Promise<never> => Promise.reject(new FrontierError('MODULE_FAILED', 'out of memory'));
  router.sidecar('a').behaviour = { answer: fail };
  await eventually(
    async () => {
      await ask(router, { moduleId: 'a' }).catch(() => undefined);
      return router.loader.orders.length > 0;
    },
    { what: 'the loader to be asked for a restart' },
  );
  expect(router.loader.orders[0]).toBe('restart a: its breaker has opened 3 times although it runs');
  router.sidecar('a').behaviour = answering('a');
  await eventually(async () => (await ask(router, { moduleId: 'a' }).catch(() => undefined))?.moduleUsed === 'a', {
    what: 'the probe to close the breaker',
  });
  const events = await actions(router);
  expect(events.map(({ action }) => action).slice(0, 2)).toEqual(['slow_start', 'restart']);
  expect(events[0]).toMatchObject({ module_id: 'a', reason: expect.stringContaining('its breaker has closed after') });

  // `b` answers what `a` does not take; the same request always goes the same way, and the plan says why.
  let byA = 0;
  for (let count = 0; count < 100; count += 1) if ((await ask(router)).moduleUsed === 'a') byA += 1;
  expect(byA).toBeLessThan(50);
  const { body } = await post(`${router.url}/api/v1/route`, { query: 'hello', explain: true });
  const { summary } = (body as { metadata: { explanation: { summary: string } } }).metadata.explanation;
  expect(summary).toContain('a (back after a failure, given 20 % of its queries');
});

it('a quarantine and its end are told as the loader tells them, and are ended by hand', async () => {
  const router = await startTestRouter([module('a'), module('b')], SETTINGS);
  const reason = 'it crashed 5 times in a row and is left alone for 20 s: no memory left';
  router.loader.publish({ ...router.view('a', false), state: 'QUARANTINED', reason });
  await eventually(async () => (await actions(router)).length === 1, { what: 'the quarantine to be told' });
  expect((await actions(router))[0]).toMatchObject({ action: 'quarantine', module_id: 'a', reason });
  const { status } = await post(`${router.url}/modules/a/release`, {});
  expect(status).toBe(202);
  expect(router.loader.orders).toEqual(['release a']);
  router.loader.publish(router.view('a', true));
  await eventually(async () => (await actions(router))[0]?.action === 'release', { what: 'its end to be told' });
});

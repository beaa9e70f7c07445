import { beforeEach, describe, expect, it } from '@jest/globals';
import { FrontierError } from '../../core/errors.ts';
import { streamCall } from '../../core/grpc/channel.ts';
import { RouteRequest, StreamFailurePolicy, type StreamRouteResponse } from '../../gen/frontier/router/v1/router.ts';
import { eventually } from '../support/eventually.ts';
import { get } from '../support/http-api.ts';
import { answering, fiveModules } from './five-modules.ts';
import { startTestRouter, type TestRouter } from './router-harness.ts';

const CODE = 'Write a Python function that reverses a string';
const BROKEN = new FrontierError('STREAM_BROKEN', 'the workload died');

type Event = NonNullable<StreamRouteResponse['event']>;

let router: TestRouter;
beforeEach(async () => {
  router = await startTestRouter(fiveModules());
});

async function stream(fields: Parameters<typeof RouteRequest.fromPartial>[0] = {}): Promise<Event[]> {
  const request = RouteRequest.fromPartial({ query: CODE, ...fields });
  const events: Event[] = [];
  for await (const { event } of streamCall(router.client.streamRoute.bind(router.client), { request }))
    events.push(event!);
  return events;
}
const kindsOf = (events: readonly Event[]): string[] =>
  events.map(({ $case }) => $case).filter((kind, at, all) => kind !== 'token' || all[at - 1] !== 'token');
const textOf = (events: readonly Event[]): string =>
  events.map((event) => (event.$case === 'token' ? event.value.text : '')).join('');
const doneOf = (events: readonly Event[]): unknown => events.at(-1)?.value;

describe('a streamed answer', () => {
  it('is its decision, its tokens, its judgement and the whole', async () => {
    const events = await stream();
    expect(kindsOf(events)).toEqual(['decision', 'token', 'confidence', 'usage', 'done']);
    expect(textOf(events)).toBe(`web-development answers: ${CODE}`);
    expect(doneOf(events)).toMatchObject({ content: textOf(events), moduleUsed: 'web-development' });
  });

  it('falls back without discarding anything when nothing was sent yet', async () => {
    router.sidecar('web-development').behaviour = { answer: () => Promise.reject(BROKEN) };
    const events = await stream();
    expect(kindsOf(events)).toEqual(['decision', 'attemptFailed', 'fallback', 'token', 'confidence', 'usage', 'done']);
    expect(events[1]?.value).toMatchObject({ moduleId: 'web-development', discard: false });
    expect(textOf(events)).toBe(`foundation answers: ${CODE}`);
  });

  it('that breaks after tokens is discarded and started anew; what follows is one whole answer', async () => {
    router.sidecar('web-development').behaviour = { ...answering('web-development'), breakAfterTokens: BROKEN };
    const events = await stream();
    expect(kindsOf(events)).toEqual([
      'decision',
      'token',
      'attemptFailed',
      'fallback',
      'token',
      'confidence',
      'usage',
      'done',
    ]);
    const failedAt = events.findIndex(({ $case }) => $case === 'attemptFailed');
    expect(events[failedAt]?.value).toMatchObject({ reason: 'STREAM_BROKEN', discard: true });
    expect(doneOf(events)).toMatchObject({
      content: textOf(events.slice(failedAt)),
      moduleUsed: 'foundation',
      fallbackUsed: true,
    });
  });

  it('that the judge rejects is discarded, too', async () => {
    router.sidecar('web-development').behaviour = answering('web-development', 0.1);
    const events = await stream();
    const failed = events.find(({ $case }) => $case === 'attemptFailed');
    expect(failed?.value).toMatchObject({ reason: 'LOW_CONFIDENCE', discard: true });
    expect(doneOf(events)).toMatchObject({ moduleUsed: 'foundation' });
  });

  it('stands, with its honest score, when it is the best of rejected ones and the last to be streamed', async () => {
    router.sidecar('web-development').behaviour = answering('web-development', 0.1);
    router.sidecar('foundation').behaviour = answering('foundation', 0.2);
    const events = await stream();
    expect(kindsOf(events).filter((kind) => kind === 'attemptFailed')).toHaveLength(1);
    expect(doneOf(events)).toMatchObject({ moduleUsed: 'foundation', confidenceScore: 0.2 });
  });

  it('under NO_RESTART ends with an error when it breaks after tokens', async () => {
    router.sidecar('web-development').behaviour = { ...answering('web-development'), breakAfterTokens: BROKEN };
    await expect(stream({ streamFailurePolicy: StreamFailurePolicy.NO_RESTART })).rejects.toMatchObject({
      reason: 'STREAM_BROKEN',
    });
  });

  it('under CONTINUE is gone on with by the next module, which is given what was sent', async () => {
    const partial = 'The function is: ';
    router.sidecar('web-development').behaviour = {
      ...answering('x'),
      tokens: () => [partial],
      breakAfterTokens: BROKEN,
    };
    router.sidecar('foundation').behaviour = { answer: () => ({ content: 'def reverse(s)', score: 0.9 }) };
    const events = await stream({ streamFailurePolicy: StreamFailurePolicy.CONTINUE });
    expect(events.find(({ $case }) => $case === 'attemptFailed')?.value).toMatchObject({ discard: false });
    expect(textOf(events)).toBe('The function is: def reverse(s)');
    expect(doneOf(events)).toMatchObject({
      content: textOf(events),
      moduleUsed: 'foundation',
      metadata: {
        continuation: true,
        attempts: [{ usage: { completionTokens: 1 }, usageEstimated: true }, { accepted: true }],
      },
    });
    const payload = router.sidecar('foundation').seen[0]?.payload;
    expect(payload?.$case === 'query' ? payload.value.history : []).toEqual([
      { role: 'user', content: CODE },
      { role: 'assistant', content: partial },
    ]);
  });

  it('under CONTINUE ends with an error when nobody can go on', async () => {
    for (const moduleId of ['web-development', 'foundation'])
      router.sidecar(moduleId).behaviour = { ...answering(moduleId), tokens: () => ['a '], breakAfterTokens: BROKEN };
    await expect(stream({ streamFailurePolicy: StreamFailurePolicy.CONTINUE })).rejects.toMatchObject({
      reason: 'ALL_ATTEMPTS_FAILED',
    });
  });

  it('whose every answer was rejected gives the best one in tokens, when it was held back', async () => {
    const held = await startTestRouter(fiveModules(), { fallback: { hold_back: { events: 'risk' } } });
    held.sidecar('web-development').behaviour = answering('web-development', 0.2);
    held.sidecar('foundation').behaviour = { answer: () => Promise.reject(BROKEN) };
    const events: Event[] = [];
    const request = RouteRequest.fromPartial({ query: CODE });
    for await (const { event } of streamCall(held.client.streamRoute.bind(held.client), { request }))
      events.push(event!);
    expect(textOf(events)).toBe(`web-development answers: ${CODE}`);
    expect(doneOf(events)).toMatchObject({ content: textOf(events), confidenceScore: 0.2 });
    expect(events.filter(({ $case }) => $case === 'attemptFailed').map(({ value }) => value)).toMatchObject([
      { discard: false },
      { discard: false },
    ]);
  });

  it('tells that the module is being started', async () => {
    router.loader.publish(router.view('web-development', false));
    await eventually(async () =>
      (await get<{ modules: { state: string }[] }>(`${router.url}/status`)).body.modules.some(
        ({ state }) => state === 'UNLOADED',
      ),
    );
    router.loader.activate = async function* () {
      await Promise.resolve();
      yield { progress: 0.25, stage: 'starting the workload', expectedReadyTime: new Date(1_700_000_000_000) };
    };
    const events = await stream();
    expect(events[1]).toMatchObject({
      $case: 'warming',
      value: {
        moduleId: 'web-development',
        progress: 0.25,
        stage: 'starting the workload',
        expectedReadyTime: new Date(1_700_000_000_000),
      },
    });
    expect(doneOf(events)).toMatchObject({ moduleUsed: 'web-development' });
  });
});

import { beforeAll, describe, expect, it } from '@jest/globals';
import { unaryCall } from '../../core/grpc/channel.ts';
import { RouteRequest, type RouteResponse } from '../../gen/frontier/router/v1/router.ts';
import { ask, post, type Problem, type RouteAnswer } from '../support/http-api.ts';
import { fiveModules } from './five-modules.ts';
import { startTestRouter, type TestRouter } from './router-harness.ts';

const PNG = Buffer.from('not really a picture').toString('base64');
const CODE = 'Write a Python function that reverses a string';

let router: TestRouter;
beforeAll(async () => {
  router = await startTestRouter(fiveModules());
});

const route = (fields: Parameters<typeof RouteRequest.fromPartial>[0]): Promise<RouteResponse> =>
  unaryCall(router.client.route.bind(router.client), RouteRequest.fromPartial(fields));

describe('each class of queries is answered by its module', () => {
  it.each([
    [CODE, 'web-development', 'CODE_GENERATION'],
    ['Analyze our Q3 financial performance', 'business-operations', 'BUSINESS_ANALYSIS'],
    ['Write a slogan for a coffee brand', 'marketing-creative', 'CREATIVE_CONTENT'],
    ['What is the capital of France?', 'foundation', 'GENERAL'],
  ])('%s', async (query, moduleId, queryClass) => {
    const answer = await ask(router.url, { query });
    expect(answer).toMatchObject({
      content: `${moduleId} answers: ${query}`,
      confidence_score: 0.9,
      module_used: moduleId,
      fallback_used: false,
    });
    expect(answer.metadata).toMatchObject({
      query_class: queryClass,
      attempts: [{ module_id: moduleId, accepted: true }],
    });
    expect(answer.metadata.token_count).toBeGreaterThan(0);
    expect(await route({ query })).toMatchObject({ moduleUsed: moduleId, metadata: { queryClass } });
  });

  it('an image goes to the multimodal module, with its bytes', async () => {
    const answer = await ask(router.url, {
      query: 'Read this',
      attachments: [{ media_type: 'image/png', data: PNG, name: 'a.png' }],
    });
    expect(answer.module_used).toBe('multimodal-processor');
    const payload = router.sidecar('multimodal-processor').seen.at(-1)?.payload;
    expect(payload?.$case === 'query' && payload.value.attachments).toMatchObject([
      { mediaType: 'image/png', name: 'a.png', source: { $case: 'data', value: Buffer.from(PNG, 'base64') } },
    ]);
  });
});

describe('what a caller may ask for', () => {
  it('a module by its id', async () => {
    expect(await route({ query: CODE, moduleId: 'marketing-creative' })).toMatchObject({
      moduleUsed: 'marketing-creative',
    });
  });

  it('an explanation, with every number that decided', async () => {
    const { body } = await post<
      RouteAnswer & { metadata: { explanation: { signals: object[]; summary: string; plan: object } } }
    >(`${router.url}/api/v1/route`, { query: CODE, explain: true });
    const { explanation } = body.metadata;
    expect(explanation.summary).toContain('web-development, then foundation');
    expect(explanation.signals[0]).toMatchObject({ name: 'text: python', query_class: 'CODE_GENERATION' });
    expect(explanation).toMatchObject({
      stages: [{ stage: 'admit' }, { stage: 'classify' }, { stage: 'plan' }, { stage: 'execute' }],
    });
  });

  it('context, parameters and history reach the module as they are', async () => {
    await route({
      query: CODE,
      context: { domain: 'web', nested: { list: [1, 'two', null] } },
      parameters: { max_tokens: 200 },
      history: [{ role: 'assistant', content: 'earlier' }],
    });
    const payload = router.sidecar('web-development').seen.at(-1)?.payload;
    expect(payload?.$case === 'query' && payload.value).toMatchObject({
      context: { domain: 'web', nested: { list: [1, 'two', null] } },
      parameters: { max_tokens: 200 },
      history: [{ role: 'assistant', content: 'earlier' }],
      priors: { queryClass: 'CODE_GENERATION', threshold: 0.3 },
    });
  });

  it('the class and the plan alone, without an answer', async () => {
    const before = router.sidecar('web-development').seen.length;
    const { body } = await post<object>(`${router.url}/api/v1/classify`, { query: CODE });
    expect(body).toMatchObject({
      query_class: 'CODE_GENERATION',
      stage: 'lexical',
      explanation: { plan: { abstained: false } },
    });
    expect(router.sidecar('web-development').seen).toHaveLength(before);
  });
});

describe('feedback', () => {
  it('is taken once for an answer that was given', async () => {
    const { metadata } = await route({ query: CODE });
    const judge = (requestId: string): Promise<unknown> =>
      unaryCall(router.client.submitFeedback.bind(router.client), { requestId, rating: 1, comment: '', userId: '' });
    await expect(judge(metadata!.requestId)).resolves.toEqual({});
    await expect(judge(metadata!.requestId)).rejects.toMatchObject({ reason: 'REQUEST_UNKNOWN' });
  });

  it('on an unknown request is not found', async () => {
    const { status, body } = await post<Problem>(`${router.url}/api/v1/feedback`, {
      request_id: 'nobody',
      rating: 0.5,
    });
    expect(status).toBe(404);
    expect(body.reason).toBe('REQUEST_UNKNOWN');
  });
});

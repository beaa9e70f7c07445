import { describe, expect, it, test } from '@jest/globals';
import { Metadata } from '@grpc/grpc-js';
import fc from 'fast-check';

import { FrontierError } from '../../core/errors.ts';
import { fromStatus } from '../../core/grpc/status.ts';
import type { ModuleMessage } from '../../gen/frontier/common/v1/message.ts';
import { workloadError } from './grpc-errors.ts';
import { answerOf } from './grpc-replies.ts';
import { httpFailure } from './http-failure.ts';
import { lostResource, reasonByText, unlessEchoed } from './lost-resource.ts';
import { parseChunk, parseReply } from './openai-reply.ts';

describe('what an error says to be gone', () => {
  test.each([
    ['gpu_memory', 'CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 23.69 GiB total capacity)'],
    ['gpu_memory', 'CUDA error: out of memory'],
    ['gpu_memory', 'ggml_cuda: cudaMalloc failed: out of memory'],
    ['gpu_memory', 'HIP out of memory. Tried to allocate 512.00 MiB'],
    ['gpu_memory', 'hipErrorOutOfMemory'],
    ['gpu_memory', 'torch.OutOfMemoryError: allocation on device'],
    ['gpu_memory', 'CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)'],
    ['gpu_memory', 'vk::Device::allocateMemory: ErrorOutOfDeviceMemory'],
    ['memory', 'fork: Cannot allocate memory'],
    ['memory', "terminate called after throwing an instance of 'std::bad_alloc'"],
    ['memory', 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory'],
    ['memory', 'java.lang.OutOfMemoryError: Java heap space'],
    ['memory', 'MemoryError: Unable to allocate 4.00 GiB for an array'],
    ['memory', 'OOM when allocating tensor with shape[32,1024]'],
    ['disk', "OSError: [Errno 28] No space left on device: '/tmp/upload'"],
    ['files', 'accept: Too many open files'],
    ['cache', 'KV cache is full'],
    ['cache', 'failed to find free space in the KV cache'],
    ['slots', 'no slot available'],
  ])('%s: %s', (resource, text) => {
    expect(lostResource(text)?.resource).toBe(resource);
  });

  test.each([
    ['the server is broken'],
    ['prompt is too long: 9000 tokens, the context holds 8192'],
    ['I ran out of memories to share'],
    ['the model has no memory of this'],
    ['the shipment is out of stock'],
    ['rate limit reached for requests'],
    ['invalid slot name'],
  ])('nothing: %s', (text) => {
    expect(lostResource(text)).toBeUndefined();
  });

  it('is found at the end of a long trace of calls', () => {
    expect(lostResource(`${'  File "x.py", line 1\n'.repeat(20_000)}CUDA out of memory`)?.resource).toBe('gpu_memory');
  });
});

it('a server that says it is busy and when to come again is busy, not broken', () => {
  expect(reasonByText('MODULE_OVERLOADED', 'no slot available').reason).toBe('MODULE_OVERLOADED');
  expect(reasonByText('MODULE_UNAVAILABLE', 'no slot available').reason).toBe('MODULE_OUT_OF_RESOURCES');
  expect(reasonByText('MODULE_OVERLOADED', 'CUDA out of memory').reason).toBe('MODULE_OUT_OF_RESOURCES');
});

describe('where it is looked for', () => {
  const gone = { reason: 'MODULE_OUT_OF_RESOURCES', metadata: { resource: 'gpu_memory', said: 'CUDA out of memory' } };
  test.each([400, 424, 429, 500, 503])('the body of HTTP %i, whatever its form', (status) => {
    for (const body of ['CUDA out of memory', '{"detail":"CUDA out of memory"}', '{"error":"CUDA out of memory"}'])
      expect(httpFailure({ status, body, retryAfter: undefined, nowMs: 0 })).toMatchObject(gone);
  });

  it('error bodies in a 200', () => {
    const body = '{"error":{"message":"CUDA out of memory","code":500}}';
    for (const parse of [parseReply, parseChunk])
      expect(() => parse(body)).toThrow(expect.objectContaining({ reason: 'MODULE_OUT_OF_RESOURCES' }));
  });

  it('the status and the error payload of a gRPC workload, unless it named a reason that says more', () => {
    const bare = (code: number, details: string): FrontierError =>
      workloadError(fromStatus(Object.assign(new Error(details), { code, details, metadata: new Metadata() })), false);
    for (const code of [2, 8, 13, 14]) expect(bare(code, 'CUDA out of memory')).toMatchObject(gone);
    expect(bare(8, 'no slot available').reason).toBe('MODULE_OVERLOADED');
    expect(bare(4, 'CUDA out of memory').reason).toBe('MODULE_TIMEOUT');
    const payload = (reason: string): ModuleMessage => ({
      header: undefined,
      metadata: undefined,
      payload: { $case: 'error', value: { code: 13, reason, message: 'CUDA out of memory', retryAfter: undefined } },
    });
    for (const reason of ['MODULE_FAILED', 'ODD'])
      expect(() => answerOf(payload(reason))).toThrow(expect.objectContaining(gone));
    expect(() => answerOf(payload('MODULE_TIMEOUT'))).toThrow(expect.objectContaining({ reason: 'MODULE_TIMEOUT' }));
  });

  it('never in an answer, whatever it speaks of', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom('CUDA out of memory', 'No space left on device', 'std::bad_alloc', 'KV cache is full'),
        fc.string(),
        (before, words, after) => {
          const content = `${before} ${words} ${after}`;
          const whole = { choices: [{ message: { content }, finish_reason: 'stop' }] };
          expect(parseReply(JSON.stringify(whole)).content).toBe(content);
          expect(parseChunk(JSON.stringify({ choices: [{ delta: { content } }] })).text).toBe(content);
        },
      ),
    );
  });

  it('is not believed where the server may only repeat the query', () => {
    const body = '{"detail":[{"msg":"field required","input":"Why do I get CUDA OUT OF MEMORY here?"}]}';
    const error = httpFailure({ status: 422, body, retryAfter: undefined, nowMs: 0 });
    const query = { query: 'Why do I get CUDA out of memory here?', history: [], context: undefined };
    expect(unlessEchoed(error, query)).toMatchObject({ reason: 'MODULE_FAILED', metadata: { http_status: '422' } });
    expect(unlessEchoed(error, { ...query, query: 'Hello' })).toBe(error);
    const other = new FrontierError('MODULE_TIMEOUT', 'late');
    expect(unlessEchoed(other, query)).toBe(other);
  });
});

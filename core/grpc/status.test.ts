import { describe, expect, test } from '@jest/globals';
import { Metadata } from '@grpc/grpc-js';
import fc from 'fast-check';
import { FrontierError, REASONS } from '../errors.ts';
import type { Reason } from '../errors.ts';
import { fromStatus, toStatus } from './status.ts';

function overTheWire(error: unknown): FrontierError {
  const status = toStatus(error);
  return fromStatus(Object.assign(new Error('call failed'), status));
}

describe('gRPC status', () => {
  test('reason, text, metadata and retry delay survive the wire', () => {
    const reasons = fc.constantFrom(...(Object.keys(REASONS) as Reason[]));
    const facts = fc
      .dictionary(fc.string({ minLength: 1 }), fc.string())
      .filter((entries) => !('__proto__' in entries));
    fc.assert(
      fc.property(
        reasons,
        fc.string(),
        facts,
        fc.option(fc.nat(1e9), { nil: undefined }),
        (reason, text, metadata, retryAfterMs) => {
          const sent = new FrontierError(reason, text, {
            metadata,
            ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
          });
          const got = overTheWire(sent);
          expect({ ...got.metadata }).toEqual({ ...metadata });
          expect([got.reason, got.code, got.retryAfterMs]).toEqual([reason, sent.code, retryAfterMs]);
          if (text !== '') expect(got.message).toBe(text);
        },
      ),
    );
  });

  test('a foreign server’s status without details gives a reason of the same code', () => {
    const foreign = Object.assign(new Error('14 UNAVAILABLE'), {
      code: 14,
      details: 'no healthy upstream',
      metadata: new Metadata(),
    });
    expect(fromStatus(foreign)).toMatchObject({ reason: 'SERVICE_UNAVAILABLE', message: 'no healthy upstream' });
  });

  test('garbage in the details is passed over', () => {
    const metadata = new Metadata();
    metadata.set('grpc-status-details-bin', Buffer.from([0xff, 0xff, 0xff]));
    expect(fromStatus(Object.assign(new Error('x'), { code: 5, details: 'gone', metadata })).reason).toBe(
      'PATH_UNKNOWN',
    );
  });
});

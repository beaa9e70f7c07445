import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { FrontierError } from '../errors.ts';

/**
 * By default a generated decoder takes text that is not UTF-8 and puts U+FFFD in place of what it cannot read, and grpc-js
 * answers a message that cannot be read with INTERNAL. A public service wants neither: its caller is told what is wrong.
 */

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const strictText = (bytes: Uint8Array): string => utf8.decode(bytes);

/** Stands in the place of a request that cannot be read until its handler refuses it. */
class UnreadableRequest {
  readonly cause: unknown;

  constructor(cause: unknown) {
    this.cause = cause;
  }
}

/**
 * Gives a generated service's definition with strict decoding: handlers made by ./handlers.ts answer an unreadable single
 * request with MALFORMED_BODY; an unreadable message on a stream of requests ends the call with INTERNAL.
 */
export function strictRequests<Service extends ServiceDefinition>(service: Service): Service {
  const methods = Object.entries(service).map(([name, method]) => [name, strictMethod(method)] as const);
  return Object.fromEntries(methods) as unknown as Service;
}

type AnyMethod = MethodDefinition<unknown, unknown>;

function strictMethod(method: AnyMethod): AnyMethod {
  // A generated decoder takes a reader as well as bytes.
  const decode = (bytes: Buffer): unknown =>
    method.requestDeserialize(new BinaryReader(bytes, strictText) as unknown as Buffer);
  return { ...method, requestDeserialize: method.requestStream ? decode : orUnreadable(decode) };
}

function orUnreadable(decode: (bytes: Buffer) => unknown): (bytes: Buffer) => unknown {
  return (bytes) => {
    try {
      return decode(bytes);
    } catch (error) {
      return new UnreadableRequest(error);
    }
  };
}

/** Gives the request as it is; throws MALFORMED_BODY when it could not be read. */
export function readable<Request>(request: Request): Request {
  if (!(request instanceof UnreadableRequest)) return request;
  throw new FrontierError('MALFORMED_BODY', 'the request cannot be read: it is damaged, or a text in it is not UTF-8', {
    cause: request.cause,
  });
}

import { Client, Metadata } from '@grpc/grpc-js';
import type { ServiceDefinition } from '@grpc/grpc-js';

const same = (bytes: Buffer): Buffer => bytes;

/** A service without a contract: bytes in, bytes out. */
export const Echo = {
  say: {
    path: '/test.Echo/Say',
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  },
} satisfies ServiceDefinition;

/** Calls the echo service. */
export class EchoClient extends Client {
  /** Gives the answer's text; rejects with the call's error. */
  say(text: string, { timeoutMs = 5_000, metadata = new Metadata() } = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      this.makeUnaryRequest(
        Echo.say.path,
        same,
        same,
        Buffer.from(text),
        metadata,
        { deadline: Date.now() + timeoutMs },
        (error, answer) => {
          if (error === null) resolve((answer ?? Buffer.alloc(0)).toString());
          else reject(error);
        },
      );
    });
  }
}

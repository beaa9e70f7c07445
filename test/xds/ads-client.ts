import { Client } from '@grpc/grpc-js';
import type { ChannelCredentials, ClientDuplexStream } from '@grpc/grpc-js';
import { loadCodec } from '../../xds-control-plane/protobuf/codec.ts';
import type { EncodedAny } from '../../xds-control-plane/protobuf/codec.ts';

export interface AdsRequest {
  readonly node?: { readonly id: string };
  readonly type_url?: string;
  readonly resource_names?: readonly string[];
  readonly version_info?: string;
  readonly response_nonce?: string;
  readonly error_detail?: { readonly code: number; readonly message: string };
}

export interface AdsResponse {
  readonly version_info: string;
  readonly type_url: string;
  readonly nonce: string;
  readonly resources?: readonly (EncodedAny | Record<string, unknown>)[];
}

const codec = loadCodec();
const definition = codec.service('envoy.service.discovery.v3.AggregatedDiscoveryService')['StreamAggregatedResources']!;

/** A scripted client of the aggregated stream. */
export class AdsClient {
  /** Every response so far. */
  readonly received: AdsResponse[] = [];
  private readonly client: Client;
  private readonly stream: ClientDuplexStream<object, object>;
  private readonly waiting: { resolve(response: AdsResponse): void; reject(error: Error): void }[] = [];
  private unread: AdsResponse[] = [];
  private failure: Error | undefined;

  constructor(address: string, credentials: ChannelCredentials) {
    this.client = new Client(address, credentials);
    this.stream = this.client.makeBidiStreamRequest(
      definition.path,
      definition.requestSerialize,
      definition.responseDeserialize,
    );
    this.stream.on('data', (response: AdsResponse) => {
      this.received.push(response);
      const waiter = this.waiting.shift();
      if (waiter === undefined) this.unread.push(response);
      else waiter.resolve(response);
    });
    this.stream.on('error', (error: Error) => {
      this.failure = error;
      for (const waiter of this.waiting.splice(0)) waiter.reject(error);
    });
  }

  send(request: AdsRequest): void {
    this.stream.write(request);
  }

  /** Acknowledges a response, with the names that it was asked for. */
  ack(response: AdsResponse, names: readonly string[] = []): void {
    const { type_url, version_info, nonce } = response;
    this.send({ type_url, version_info, response_nonce: nonce, resource_names: names });
  }

  /** Gives the next response that has not been read; rejects when the stream fails or nothing comes for 5 s. */
  next(timeoutMs = 5_000): Promise<AdsResponse> {
    const first = this.unread.shift();
    if (first !== undefined) return Promise.resolve(first);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no response within ${timeoutMs} ms`));
      }, timeoutMs);
      const settle =
        <Value>(then: (value: Value) => void) =>
        (value: Value): void => {
          clearTimeout(timer);
          then(value);
        };
      this.waiting.push({ resolve: settle(resolve), reject: settle(reject) });
    });
  }

  close(): void {
    this.stream.cancel();
    this.client.close();
  }
}

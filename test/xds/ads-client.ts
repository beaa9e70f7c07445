import { Client } from '@grpc/grpc-js';
import type { ChannelCredentials, ClientDuplexStream } from '@grpc/grpc-js';
import { loadCodec } from '../../xds-control-plane/protobuf/codec.ts';
import type { EncodedAny } from '../../xds-control-plane/protobuf/codec.ts';

interface Node {
  readonly id: string;
  readonly cluster?: string;
  readonly client_features?: readonly string[];
}

interface ErrorDetail {
  readonly code: number;
  readonly message: string;
}

export interface AdsRequest {
  readonly node?: Node;
  readonly type_url?: string;
  readonly resource_names?: readonly string[];
  readonly version_info?: string;
  readonly response_nonce?: string;
  readonly error_detail?: ErrorDetail;
}

export interface DeltaRequest {
  readonly node?: Node;
  readonly type_url?: string;
  readonly resource_names_subscribe?: readonly string[];
  readonly resource_names_unsubscribe?: readonly string[];
  readonly initial_resource_versions?: Readonly<Record<string, string>>;
  readonly response_nonce?: string;
  readonly error_detail?: ErrorDetail;
}

export interface AdsResponse {
  readonly version_info: string;
  readonly type_url: string;
  readonly nonce: string;
  readonly resources?: readonly (EncodedAny | Record<string, unknown>)[];
}

export interface DeltaResponse {
  readonly type_url: string;
  readonly nonce: string;
  readonly resources?: readonly {
    readonly name: string;
    readonly version: string;
    readonly resource?: EncodedAny | Record<string, unknown>;
    readonly ttl?: { readonly seconds?: number; readonly nanos?: number };
  }[];
  readonly removed_resources?: readonly string[];
}

const codec = loadCodec();
const ADS = 'envoy.service.discovery.v3.AggregatedDiscoveryService';
const definitions = codec.service(ADS);

/** A scripted client of a discovery stream. */
class DiscoveryClient<Request extends object, Response extends { readonly type_url: string }> {
  /** Every response so far. */
  readonly received: Response[] = [];
  private readonly client: Client;
  readonly stream: ClientDuplexStream<object, object>;
  private readonly waiting: { resolve(response: Response): void; reject(error: Error): void }[] = [];
  private readonly unread: Response[] = [];
  private failure: Error | undefined;

  constructor(address: string, credentials: ChannelCredentials, method: string, path = `/${ADS}/${method}`) {
    const definition = definitions[method]!;
    this.client = new Client(address, credentials, { 'grpc.use_local_subchannel_pool': 1 });
    this.stream = this.client.makeBidiStreamRequest(path, definition.requestSerialize, definition.responseDeserialize);
    this.stream.on('data', (response: Response) => {
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

  send(request: Request): void {
    this.stream.write(request);
  }

  /** Gives the next response that has not been read; rejects when the stream fails or nothing comes for 5 s. */
  next(timeoutMs = 5_000): Promise<Response> {
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

  /** How many responses nobody has read. */
  get pending(): number {
    return this.unread.length;
  }

  close(): void {
    this.stream.cancel();
    this.client.close();
  }
}

/** A client of the state-of-the-world form, on ADS or on another service's path. */
export class AdsClient extends DiscoveryClient<AdsRequest, AdsResponse> {
  constructor(address: string, credentials: ChannelCredentials, path?: string) {
    super(address, credentials, 'StreamAggregatedResources', path);
  }

  /** Acknowledges a response, with the names that it was asked for. */
  ack({ type_url, version_info, nonce }: AdsResponse, names: readonly string[] = []): void {
    this.send({ type_url, version_info, response_nonce: nonce, resource_names: names });
  }
}

/** A client of the delta form, on ADS or on another service's path. */
export class DeltaClient extends DiscoveryClient<DeltaRequest, DeltaResponse> {
  constructor(address: string, credentials: ChannelCredentials, path?: string) {
    super(address, credentials, 'DeltaAggregatedResources', path);
  }

  ack({ type_url, nonce }: DeltaResponse): void {
    this.send({ type_url, response_nonce: nonce });
  }
}

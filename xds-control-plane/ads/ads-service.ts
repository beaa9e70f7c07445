import type { MethodDefinition, Server, ServerUnaryCall, sendUnaryData, UntypedHandleCall } from '@grpc/grpc-js';
import { contextOf } from '../../core/grpc/handlers.ts';
import { toStatus } from '../../core/grpc/status.ts';
import type { Snapshot } from '../cache/type-snapshot.ts';
import { TYPE_URLS } from '../protobuf/type-urls.ts';
import type { AdsDependencies } from './ads-session.ts';
import { nodeOf, serveStream, withType } from './ads-stream.ts';
import type { DiscoveryCall } from './ads-stream.ts';
import { readDeltaRequest, readSotwRequest } from './discovery-requests.ts';
import type { WireRequest } from './discovery-requests.ts';
import { writeResponse } from './discovery-responses.ts';
import { nextResponse } from './next-response.ts';
import { onRequest } from './on-request.ts';
import { newStream } from './stream-state.ts';
import type { Form } from './stream-state.ts';

/** The services for one type each: package and service, resource, type URL. */
const TYPE_SERVICES: readonly (readonly [service: string, resource: string, typeUrl: string])[] = [
  ['envoy.service.cluster.v3.ClusterDiscoveryService', 'Clusters', TYPE_URLS.clusters],
  ['envoy.service.endpoint.v3.EndpointDiscoveryService', 'Endpoints', TYPE_URLS.endpoints],
  ['envoy.service.listener.v3.ListenerDiscoveryService', 'Listeners', TYPE_URLS.listeners],
  ['envoy.service.route.v3.RouteDiscoveryService', 'Routes', TYPE_URLS.routes],
  ['envoy.service.secret.v3.SecretDiscoveryService', 'Secrets', TYPE_URLS.secrets],
];
const ADS = 'envoy.service.discovery.v3.AggregatedDiscoveryService';

/** Adds the aggregated discovery service to a server, in both forms. */
export function addAds(server: Server, deps: AdsDependencies): void {
  server.addService(
    {
      StreamAggregatedResources: method(`/${ADS}/StreamAggregatedResources`, 'sotw', true),
      DeltaAggregatedResources: method(`/${ADS}/DeltaAggregatedResources`, 'delta', true),
    },
    {
      StreamAggregatedResources: streamHandler('sotw', undefined, deps),
      DeltaAggregatedResources: streamHandler('delta', undefined, deps),
    },
  );
}

/** Adds the services for one type each (CDS, EDS, LDS, RDS, SDS): streams of both forms, and single answers. */
export function addTypeServices(server: Server, deps: AdsDependencies): void {
  for (const [service, resource, typeUrl] of TYPE_SERVICES) {
    server.addService(
      {
        stream: method(`/${service}/Stream${resource}`, 'sotw', true),
        delta: method(`/${service}/Delta${resource}`, 'delta', true),
        fetch: method(`/${service}/Fetch${resource}`, 'sotw', false),
      },
      {
        stream: streamHandler('sotw', typeUrl, deps),
        delta: streamHandler('delta', typeUrl, deps),
        fetch: fetchHandler(typeUrl, deps),
      },
    );
  }
}

/** Requests are read by hand and responses come as bytes: see discovery-requests.ts and discovery-responses.ts. */
function method(path: string, form: Form, streams: boolean): MethodDefinition<WireRequest, Buffer> {
  return {
    path,
    requestStream: streams,
    responseStream: streams,
    requestDeserialize: form === 'sotw' ? readSotwRequest : readDeltaRequest,
    requestSerialize: notACaller,
    responseSerialize: (bytes) => bytes,
    responseDeserialize: notACaller,
  };
}

function notACaller(): never {
  throw new Error('this definition is for servers');
}

function streamHandler(form: Form, typeUrl: string | undefined, deps: AdsDependencies): UntypedHandleCall {
  return (call: DiscoveryCall): void => {
    serveStream(call, form, typeUrl, deps);
  };
}

function fetchHandler(typeUrl: string, deps: AdsDependencies): UntypedHandleCall {
  return (call: ServerUnaryCall<WireRequest, Buffer>, callback: sendUnaryData<Buffer>): void => {
    fetch(call, typeUrl, deps).then(
      (bytes) => {
        callback(null, bytes);
      },
      (error: unknown) => {
        callback(toStatus(error));
      },
    );
  };
}

/** Answers once with all that a stream would be sent at first; an empty response where there is nothing. */
async function fetch(
  call: ServerUnaryCall<WireRequest, Buffer>,
  typeUrl: string,
  deps: AdsDependencies,
): Promise<Buffer> {
  const request = withType(call.request, typeUrl);
  const { view, legacyWildcard } = await deps.admit(contextOf(call), nodeOf(request));
  try {
    view.asked?.(typeUrl, request.names);
    const stream = newStream('sotw', legacyWildcard);
    onRequest(stream, { form: 'sotw', typeUrl, nonce: '', refusal: undefined, names: request.names });
    const snapshot: Snapshot = view.current() ?? new Map();
    const { response } = nextResponse(stream, snapshot, deps.clock.monotonicMs(), deps.order);
    const nothing = { typeUrl, nonce: '', version: snapshot.get(typeUrl)?.version ?? '', resources: [], removed: [] };
    return writeResponse(response ?? nothing, { form: 'sotw', controlPlane: deps.instance, withTtl: false });
  } finally {
    view.close();
  }
}

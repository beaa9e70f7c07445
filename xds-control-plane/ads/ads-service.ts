import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { FrontierError } from '../../core/errors.ts';
import { toStatus } from '../../core/grpc/status.ts';
import type { Codec } from '../protobuf/codec.ts';
import { serveAdsStream } from './ads-stream.ts';
import type { AdsDependencies, WireRequest, WireResponse } from './ads-stream.ts';
import type { ServerDuplexStream } from '@grpc/grpc-js';

/** Gives the definition of envoy.service.discovery.v3.AggregatedDiscoveryService. */
export function adsDefinition(codec: Codec): ServiceDefinition {
  return codec.service('envoy.service.discovery.v3.AggregatedDiscoveryService');
}

/** Gives its handlers. */
export function createAdsService(deps: AdsDependencies): UntypedServiceImplementation {
  return {
    StreamAggregatedResources: (call: ServerDuplexStream<WireRequest, WireResponse>) => {
      serveAdsStream(call, deps);
    },
    DeltaAggregatedResources: (call: ServerDuplexStream<unknown, unknown>) => {
      call.emit('error', toStatus(new FrontierError('UNIMPLEMENTED', 'use the state-of-the-world variant')));
    },
  };
}

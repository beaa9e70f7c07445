import { credentials, makeClientConstructor } from '@grpc/grpc-js';
import { service } from 'grpc-health-check';
import { FrontierError, toFrontierError } from '../../core/errors.ts';
import { clientOptions, unaryCall } from '../../core/grpc/channel.ts';
import { workloadError } from './grpc-errors.ts';

/** grpc.health.v1.HealthCheckResponse.ServingStatus as proto-loader gives it. */
const SERVING = 'SERVING';

export interface HealthClient {
  /** Gives false when the workload has no health service. Throws MODULE_UNAVAILABLE when it does not serve. */
  check(signal: AbortSignal): Promise<boolean>;
  close(): void;
}

interface HealthStub {
  readonly check: Parameters<typeof unaryCall<{ service: string }, { status: string }>>[0];
  close(): void;
}

/** Gives a client of grpc.health.v1 at `address` (host:port). */
export function createHealthClient(address: string): HealthClient {
  const client = createStub(address);
  let implemented = true;
  return {
    check: async (signal) => {
      if (!implemented) return false;
      try {
        const { status } = await unaryCall(client.check.bind(client), { service: '' }, { signal });
        if (status === SERVING) return true;
        throw new FrontierError('MODULE_UNAVAILABLE', `the workload's health is ${status}`);
      } catch (error) {
        const failure = toFrontierError(error);
        if (failure.reason !== 'UNIMPLEMENTED') throw workloadError(failure, false);
        implemented = false;
        return false;
      }
    },
    close: () => {
      client.close();
    },
  };
}

/** The client is made from a definition in proto-loader's form, which knows no types. */
function createStub(address: string): HealthStub {
  const Health = makeClientConstructor(service, 'Health');
  const options = clientOptions({ 'grpc.max_reconnect_backoff_ms': 500 });
  return new Health(address, credentials.createInsecure(), options) as unknown as HealthStub;
}

import { describe, expect, it } from '@jest/globals';
import { orchestrationFileSchema } from '../../core/config/schema.ts';
import { edgeRoutes } from './routes.ts';
import { serviceClusters } from './service-clusters.ts';

const PORTS = { router_grpc: 1, router_http: 2 };
const of = (replicas: number) =>
  orchestrationFileSchema.parse({
    orchestration: {
      network: {
        ports: PORTS,
        router_replicas: Array.from({ length: replicas - 1 }, (_, at) => ({ grpc: 10 + at, http: 20 + at })),
      },
    },
  }).orchestration;

const portsOf = (replicas: number): unknown =>
  serviceClusters(of(replicas)).map(({ load_assignment: assignment }) =>
    assignment?.endpoints?.flatMap(({ lb_endpoints: all }) =>
      all?.map(({ endpoint }) => endpoint?.address?.socket_address?.port_value),
    ),
  );

describe('the edge before several routers', () => {
  it('knows all of them, each by both of its ports', () => {
    expect(portsOf(1)).toEqual([[1], [2]]);
    expect(portsOf(3)).toEqual([
      [1, 10, 11],
      [2, 20, 21],
    ]);
  });

  it('checks whether they hang, and only then', () => {
    for (const cluster of serviceClusters(of(1))) expect(cluster.health_checks).toBeUndefined();
    for (const cluster of serviceClusters(of(2))) {
      expect(cluster.health_checks).toHaveLength(1);
      expect(cluster.common_lb_config?.healthy_panic_threshold).toEqual({ value: 1 });
    }
  });

  it('sends again what no router has begun, and what may be begun twice', () => {
    const [host] = edgeRoutes(of(3)).virtual_hosts ?? [];
    expect(host?.retry_policy).toMatchObject({
      retry_on: 'connect-failure,refused-stream,reset-before-request',
      num_retries: { value: 2 },
    });
    const named = new Map(host?.routes?.map((route) => [route.name, route]));
    expect([...named.keys()]).toEqual(['grpc-idempotent', 'http-idempotent', 'grpc', 'http']);
    expect(named.get('http-idempotent')?.route?.retry_policy?.retry_on).toMatch(/,reset$/);
    expect(named.get('http')?.route?.retry_policy).toBeUndefined();
    expect(edgeRoutes(of(1)).virtual_hosts?.[0]?.routes?.map(({ name }) => name)).toEqual(['grpc', 'http']);
  });
});

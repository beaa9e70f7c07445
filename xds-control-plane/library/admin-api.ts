import fastify from 'fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Code, toFrontierError } from '../../core/errors.ts';
import type { Registry } from '../../core/telemetry/metrics.ts';
import { typeLabel } from '../protobuf/type-urls.ts';
import { parseSnapshot } from './snapshot-document.ts';
import type { XdsServer } from './xds-server.ts';

/** Snapshots may be large. */
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;

export interface AdminApi {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves the standalone server's HTTP interface: PUT, GET and DELETE /snapshots/{node}, GET /nodes, /metrics, /healthz.
 * Whoever reaches it may set what is served: keep it on loopback.
 */
export async function startAdminApi(
  server: XdsServer,
  registry: Registry,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<AdminApi> {
  const http = fastify({ bodyLimit: BODY_LIMIT_BYTES, forceCloseConnections: true });
  http.setErrorHandler((thrown, _request, reply) => fail(thrown, reply));
  addSnapshotRoutes(http, server);
  http.get('/nodes', () => nodesOf(server));
  http.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()));
  http.get('/healthz', () => 'ok\n');
  await http.listen({ host, port });
  const [address] = http.addresses();
  return { port: typeof address === 'object' ? address.port : port, close: () => http.close() };
}

interface NodePath {
  Params: { node: string };
}

function addSnapshotRoutes(http: FastifyInstance, server: XdsServer): void {
  http.put<NodePath>('/snapshots/:node', ({ params, body }, reply) => {
    server.setSnapshot(params.node, parseSnapshot(body));
    return reply.code(204).send();
  });
  http.get<NodePath>('/snapshots/:node', ({ params }, reply) => {
    const snapshot = server.snapshotOf(params.node);
    if (snapshot === undefined) return reply.code(404).send({ error: `no snapshot is served to ${params.node}` });
    return Object.fromEntries(
      [...snapshot].map(([typeUrl, { version, resources }]) => [
        typeUrl,
        { version, resources: Object.fromEntries([...resources.values()].map((one) => [one.name, one.version])) },
      ]),
    );
  });
  http.delete<NodePath>('/snapshots/:node', ({ params }, reply) => {
    server.clearSnapshot(params.node);
    return reply.code(204).send();
  });
}

function nodesOf(server: XdsServer): object {
  return server.nodes().map(({ node, connectedAtMs, state }) => ({
    id: node.id,
    cluster: node.cluster,
    form: state.form,
    connected_at: new Date(connectedAtMs).toISOString(),
    types: state.types.map(({ typeUrl, subscription, sentVersion, ackedVersion, nackMessage }) => ({
      type: typeLabel(typeUrl),
      type_url: typeUrl,
      wildcard: subscription?.wildcard === true,
      names: [...(subscription?.names ?? [])],
      sent_version: sentVersion,
      acked_version: ackedVersion,
      refusal: nackMessage,
    })),
  }));
}

/** A fault of the document is the caller's; fastify's own errors bear their status. */
function fail(thrown: unknown, reply: FastifyReply): FastifyReply {
  const own = (thrown as { statusCode?: number }).statusCode;
  if (own !== undefined && thrown instanceof Error) return reply.code(own).send({ error: thrown.message });
  const error = toFrontierError(thrown);
  return reply.code(error.code === Code.INVALID_ARGUMENT ? 400 : 500).send({ error: error.message });
}

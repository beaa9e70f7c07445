import { loadSync } from '@grpc/proto-loader';
import type { ServiceDefinition } from '@grpc/proto-loader';
import { unary } from '../../core/grpc/handlers.ts';
import { bindServer, closeServer, createGrpcServer } from '../../core/grpc/server.ts';
import { createXdsServer, TYPE_URLS } from '../../xds-control-plane/index.ts';
import type { ResourceInput } from '../../xds-control-plane/index.ts';
import { loadCodec } from '../../xds-control-plane/protobuf/codec.ts';
import type { EncodedAny } from '../../xds-control-plane/protobuf/codec.ts';

/** The library's server, with the adapter by which the suite says what it is to serve. */
export interface Target {
  readonly targetPort: number;
  readonly adapterPort: number;
  close(): Promise<void>;
}

interface SetState {
  readonly node: string;
  readonly version: string;
  readonly resources: readonly EncodedAny[];
}

interface ResourceChange {
  readonly node: string;
  readonly typeUrl: string;
  readonly resourceName: string;
  readonly version: string;
}

const DONE = { success: true };

/** Starts a server, and the suite's adapter over it, on free ports of loopback. */
export async function startTarget(): Promise<Target> {
  const xds = createXdsServer();
  const codec = loadCodec();
  const put = ({ node, version, ...change }: ResourceChange): Promise<typeof DONE> => {
    xds.updateResources(node, [resourceOf(change.typeUrl, change.resourceName, version)], version);
    return Promise.resolve(DONE);
  };
  const adapter = createGrpcServer();
  adapter.addService(adapterDefinition(), {
    SetState: unary(({ node, version, resources }: SetState) => {
      const named = resources.map((any) => resourceOf(any.type_url, nameIn(codec.decode(any)), version));
      xds.setSnapshot(node, { version, resources: named });
      return Promise.resolve(DONE);
    }),
    ClearState: unary(({ node }: { readonly node: string }) => {
      xds.clearSnapshot(node);
      return Promise.resolve({ response: 'cleared' });
    }),
    UpdateResource: unary(put),
    AddResource: unary(put),
    RemoveResource: unary(({ node, typeUrl, resourceName, version }: ResourceChange) => {
      xds.removeResources(node, typeUrl, [resourceName], version);
      return Promise.resolve(DONE);
    }),
  });
  const targetPort = await xds.listen();
  const adapterPort = await bindServer(adapter, { host: '127.0.0.1', port: 0 });
  const close = async (): Promise<void> => {
    await Promise.all([xds.close(), closeServer(adapter, 100)]);
  };
  return { targetPort, adapterPort, close };
}

function adapterDefinition(): ServiceDefinition {
  const definitions = loadSync(new URL('adapter.proto', import.meta.url).pathname, { keepCase: true });
  return definitions['adapter.Adapter'] as ServiceDefinition;
}

function nameIn({ name, cluster_name }: Record<string, unknown>): string {
  return String(name ?? cluster_name);
}

/** A resource that is another one with each version. */
function resourceOf(typeUrl: string, name: string, version: string): ResourceInput {
  const seconds = `${version}s`;
  const contents: Readonly<Record<string, object>> = {
    [TYPE_URLS.clusters]: { name, connect_timeout: seconds },
    [TYPE_URLS.endpoints]: { cluster_name: name, policy: { endpoint_stale_after: seconds } },
    [TYPE_URLS.listeners]: { name, stat_prefix: version },
    [TYPE_URLS.routes]: { name, internal_only_headers: [version] },
  };
  return { resource: { '@type': typeUrl, ...contents[typeUrl] } };
}

import { writeFileSync } from 'node:fs';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import type { EncodedResource } from '../../xds-control-plane/index.ts';
import { TYPE_URLS } from '../../xds-control-plane/index.ts';
import { loadCodec } from '../../xds-control-plane/protobuf/codec.ts';
import type { EncodedAny } from '../../xds-control-plane/protobuf/codec.ts';

/** The resources that both servers serve, as the same bytes: a file of google.protobuf.Any messages, each after its length. */

const codec = loadCodec();
const ADS = { ads: {}, resource_api_version: 'V3' };

export function moduleName(index: number): string {
  return `module/${index}`;
}

/** Gives clusters, endpoints, one listener and one route table for so many modules. */
export function worldOf(modules: number, endpoints: number): readonly EncodedAny[] {
  const names = Array.from({ length: modules }, (_, index) => moduleName(index));
  return [
    ...names.map(cluster),
    ...names.map((_, index) => assignment(index, endpoints, 0)),
    codec.encode(TYPE_URLS.listeners, { name: 'mesh', stat_prefix: 'mesh', address: socket(15001) }),
    codec.encode(TYPE_URLS.routes, {
      name: 'mesh',
      virtual_hosts: names.map((name) => ({
        name,
        domains: [name],
        routes: [{ name, match: { prefix: '/' }, route: { cluster: name, timeout: {} } }],
      })),
    }),
  ];
}

function cluster(name: string): EncodedAny {
  return codec.encode(TYPE_URLS.clusters, {
    name,
    type: 'EDS',
    connect_timeout: { seconds: 1 },
    eds_cluster_config: { eds_config: ADS },
    lb_policy: 'LEAST_REQUEST',
    circuit_breakers: { thresholds: [{ max_requests: { value: 64 }, max_pending_requests: { value: 16 } }] },
    outlier_detection: { consecutive_5xx: { value: 5 }, interval: { seconds: 10 } },
  });
}

/** Gives a module's endpoints; another `round` is another port of the first of them. */
export function assignment(index: number, endpoints: number, round: number): EncodedAny {
  return codec.encode(TYPE_URLS.endpoints, {
    cluster_name: moduleName(index),
    endpoints: [
      {
        locality: { zone: 'a' },
        load_balancing_weight: { value: endpoints },
        lb_endpoints: Array.from({ length: endpoints }, (_, place) => ({
          endpoint: { address: socket(place === 0 ? 20_000 + round : 10_000 + place) },
          health_status: 'HEALTHY',
          load_balancing_weight: { value: 1 },
        })),
      },
    ],
  });
}

function socket(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

export function writeResources(file: string, resources: readonly EncodedAny[]): void {
  writeFileSync(file, framed(resources));
}

/** Gives resources one after the other, each as an Any after its length. */
export function framed(resources: readonly EncodedAny[]): Buffer {
  const parts = resources.flatMap(({ type_url, value }) => {
    const message = new BinaryWriter().uint32(10).string(type_url).uint32(18).bytes(value).finish();
    const length = Buffer.alloc(4);
    length.writeUInt32BE(message.length);
    return [length, message];
  });
  return Buffer.concat(parts);
}

/** The reverse, as the library takes them. */
export function readResources(content: Buffer): readonly EncodedResource[] {
  const all: EncodedResource[] = [];
  for (let offset = 0; offset < content.length;) {
    const length = content.readUInt32BE(offset);
    const reader = new BinaryReader(content.subarray(offset + 4, offset + 4 + length));
    reader.tag();
    const typeUrl = reader.string();
    reader.tag();
    const value = reader.bytes();
    const { name, cluster_name } = codec.decode({ type_url: typeUrl, value: Buffer.from(value) });
    all.push({ typeUrl, name: String(name ?? cluster_name), value });
    offset += 4 + length;
  }
  return all;
}

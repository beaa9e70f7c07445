import type { Command } from 'commander';
import { FrontierError } from '../../core/errors.ts';
import { controlPlaneAddress } from '../../core/service/service-identity.ts';
import type { DumpResourcesResponse } from '../../gen/frontier/mesh/v1/status.ts';
import { dialMesh, type MeshClient } from '../client/mesh-client.ts';
import { meshDiffLines, meshStatusLines, rotationLine, typeName } from '../output/mesh-view.ts';
import { readRunFile } from '../up/run-file.ts';
import { loadWith } from '../up/settings.ts';

interface Flags {
  readonly config?: string;
  readonly address?: string;
  readonly json?: boolean;
}

interface DumpFlags extends Flags {
  readonly node?: string;
  readonly type?: string;
  readonly name?: string;
}

/** Types by the names that people use for them. */
const TYPES: Readonly<Record<string, string>> = {
  clusters: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoints: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listeners: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  routes: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  secrets: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
};

/** Adds `frontier mesh status|diff|dump|rotate-root`. */
export function addMesh(program: Command): void {
  const mesh = program.command('mesh').description('look into the service mesh, and look after it');
  withFlags(mesh.command('status'))
    .description('show who is connected to the control plane, and what each has acknowledged or refused')
    .action(status);
  withFlags(mesh.command('diff'))
    .description('show where nodes differ from what they are to have; exits with 1 if any does')
    .option('--node <id>', 'one node only')
    .action(diff);
  withFlags(mesh.command('dump'))
    .description('print what is served, one JSON object a line; private keys are left out')
    .option('--node <id>', 'what one node is served, with its secrets')
    .option('--type <type>', `one type only: ${Object.keys(TYPES).join(', ')}`)
    .option('--name <name>', 'one resource only')
    .action(dump);
  withFlags(mesh.command('rotate-root'))
    .description("replace the mesh's root; goes on by itself, and `mesh status` shows how far it is")
    .action(rotateRoot);
}

function withFlags(command: Command): Command {
  return command
    .option('--config <file>', 'configuration whose data directory holds the identity')
    .option('--address <host:port>', 'control plane; that of the running system when left out')
    .option('--json', 'print JSON');
}

async function withMesh<Result>(flags: Flags, use: (mesh: MeshClient) => Promise<Result>): Promise<Result> {
  const config = loadWith(flags.config, process.env);
  const running = readRunFile(config.dataDir)?.endpoints.control_plane;
  const mesh = await dialMesh(config, flags.address ?? running ?? controlPlaneAddress(config));
  try {
    return await use(mesh);
  } finally {
    mesh.close();
  }
}

async function status(flags: Flags): Promise<void> {
  const found = await withMesh(flags, (mesh) => mesh.status());
  print(flags.json === true ? [JSON.stringify(found)] : meshStatusLines(found));
}

async function diff(flags: Flags & { readonly node?: string }): Promise<void> {
  const found = await withMesh(flags, (mesh) => mesh.diff(flags.node ?? ''));
  if (flags.node !== undefined && found.nodes.length === 0) {
    throw new FrontierError('NODE_UNKNOWN', `no node "${flags.node}" is connected`);
  }
  print(flags.json === true ? [JSON.stringify(found)] : meshDiffLines(found));
  if (found.nodes.some(({ resources }) => resources.length > 0)) process.exitCode = 1;
}

async function dump(flags: DumpFlags): Promise<void> {
  const typeUrls = flags.type === undefined ? [] : [typeUrlOf(flags.type)];
  await withMesh(flags, async (mesh) => {
    for await (const resource of mesh.dump({ nodeId: flags.node ?? '', typeUrls })) {
      if (flags.name === undefined || resource.name === flags.name) print([dumpLine(resource)]);
    }
  });
}

function dumpLine({ typeUrl, name, version, content }: DumpResourcesResponse): string {
  return JSON.stringify({ type: typeName(typeUrl), name, version, content });
}

function typeUrlOf(name: string): string {
  const found = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined;
  if (found !== undefined) return found;
  throw new FrontierError('INVALID_FIELD', `"${name}" is not a type: give one of ${Object.keys(TYPES).join(', ')}`, {
    metadata: { field: 'type' },
  });
}

async function rotateRoot(flags: Flags): Promise<void> {
  const { rotation } = await withMesh(flags, (mesh) => mesh.rotateRoot());
  print(flags.json === true ? [JSON.stringify({ rotation })] : rotation === undefined ? [] : [rotationLine(rotation)]);
}

function print(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

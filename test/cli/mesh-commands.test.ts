import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { channelCredentials } from '../../core/identity/credentials.ts';
import { meshId } from '../../core/service/service-identity.ts';
import { TYPE_URLS } from '../../xds-control-plane/protobuf/type-urls.ts';
import { eventually } from '../support/eventually.ts';
import { runFrontier, type Finished } from '../support/run-frontier.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { AdsClient } from '../xds/ads-client.ts';
import { moduleAt, startMeshWorld } from '../xds/mesh-world.ts';
import type { MeshWorld } from '../xds/mesh-world.ts';

/** `frontier mesh` against a control plane with a real Envoy and a node that refuses what it gets. */
let world: MeshWorld;

beforeAll(async () => {
  world = await startMeshWorld();
  world.show(moduleAt('alpha', []));
  await world.startEnvoy();
}, 60_000);

function mesh(...args: string[]): Promise<Finished> {
  return runFrontier(['mesh', ...args], {
    FRONTIER_STORAGE__DATA_DIR: world.config.dataDir,
    FRONTIER_CONFIG: join(world.config.rootDir, 'orchestration-config.yaml'),
  });
}

test('status shows who is connected and what each has acknowledged', async () => {
  const { code, stdout } = await mesh('status');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^control-plane-\d+, snapshot [0-9a-f]{16}, 1 connected\nroot valid until \d{4}-\d\d-\d\d\n/);
  expect(stdout).toMatch(
    /edge-1 {2}Cluster +[0-9a-f]{8} {2}in sync +spiffe:\/\/frontier.local\/ns\/default\/gateway\/edge-1\n/,
  );
  const { nodes } = JSON.parse((await mesh('status', '--json')).stdout) as { nodes: { nodeId: string }[] };
  expect(nodes.map(({ nodeId }) => nodeId)).toEqual(['edge-1']);
}, 60_000);

test('diff tells that all is well, and afterwards what one node has refused, and why in status', async () => {
  expect(await mesh('diff')).toMatchObject({ code: 0, stdout: '1 connected, and each has what it is to have\n' });
  const identity = await world.join('gateway', 'edge-2');
  const node = new AdsClient(
    `127.0.0.1:${world.controlPlane.port}`,
    channelCredentials(identity, { expect: [meshId(world.config, 'service', 'control-plane')] }),
  );
  node.send({ node: { id: 'edge-2' }, type_url: TYPE_URLS.clusters });
  const { nonce } = await node.next();
  expect((await mesh('diff', '--node', 'edge-2')).stdout).toMatch(
    /edge-2 {2}Cluster {2}module\/alpha +\w{8} {2}- +not answered yet\n/,
  );
  node.send({
    type_url: TYPE_URLS.clusters,
    response_nonce: nonce,
    error_detail: { code: 3, message: 'no such policy' },
  });
  await eventually(async () => (await mesh('status')).stdout.includes('refused: no such policy'), {
    what: 'the refusal',
  });
  const refused = await mesh('diff');
  expect(refused.code).toBe(1);
  expect(refused.stdout).toMatch(/edge-2 {2}Cluster {2}module\/alpha +\w{8} {2}- +refused\n/);
  expect(refused.stdout).not.toContain('edge-1');
  node.close();
}, 60_000);

test('dump prints what is served, a line each, and no private key', async () => {
  const lines = (await mesh('dump', '--node', 'edge-1')).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  expect(new Set(lines.map(({ type }) => type))).toEqual(
    new Set(['Cluster', 'ClusterLoadAssignment', 'Listener', 'RouteConfiguration', 'Secret']),
  );
  const text = JSON.stringify(lines);
  expect(text).toContain('BEGIN CERTIFICATE');
  expect(text).toContain('[redacted]');
  expect(text).not.toContain('PRIVATE KEY');
  const one = JSON.parse((await mesh('dump', '--type', 'clusters', '--name', 'module/alpha')).stdout) as Line;
  expect(one).toMatchObject({ name: 'module/alpha', content: { lb_policy: 'LEAST_REQUEST' } });
}, 60_000);

interface Line {
  readonly type: string;
  readonly name: string;
  readonly content: Record<string, unknown>;
}

test.each<[readonly string[], RegExp, number]>([
  [['dump', '--node', 'nobody'], /NODE_UNKNOWN/, 1],
  [['diff', '--node', 'nobody'], /NODE_UNKNOWN/, 1],
  [['dump', '--type', 'nonsense'], /"nonsense" is not a type/, 2],
])(
  '%j fails with what is wrong',
  async (args, text, code) => {
    const finished = await mesh(...args);
    expect(finished.stderr).toMatch(text);
    expect(finished.code).toBe(code);
  },
  60_000,
);

test('where no system has run, that is said at once', async () => {
  const folder = tempFolder('empty');
  writeFileSync(join(folder, 'orchestration-config.yaml'), 'orchestration: {}\n');
  const finished = await runFrontier(['mesh', 'status'], {
    FRONTIER_CONFIG: join(folder, 'orchestration-config.yaml'),
  });
  expect(finished.stderr).toContain('no system has run yet');
});

test('rotate-root begins a rotation, which status shows, and does not begin a second', async () => {
  const begun = await mesh('rotate-root');
  expect(begun).toMatchObject({ code: 0, stdout: expect.stringContaining('the new root is being handed out') });
  expect((await mesh('status')).stdout).toContain('root rotation: the new root is being handed out');
  expect((await mesh('rotate-root')).stderr).toContain('ROTATION_UNDER_WAY');
}, 60_000);

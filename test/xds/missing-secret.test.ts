import { connect } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/logging.ts';
import { createIssuedIdentity } from '../../xds-control-plane/authority/issued-identity.ts';
import { createXdsServer, EVERY_NODE, TYPE_URLS } from '../../xds-control-plane/index.ts';
import type { ResourceInput } from '../../xds-control-plane/index.ts';
import { onCleanup } from '../support/cleanup.ts';
import { startEnvoy } from '../support/envoy.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { newAuthority } from '../support/new-authority.ts';

/** Checklist 58 with a real Envoy, whose listeners wait for secrets: in both forms of the protocol. */

const PREFIX = 'type.googleapis.com/envoy.extensions';
const ADS = { ads: {}, resource_api_version: 'V3' };
/** Envoy begins to serve when its first listeners are warm, or have waited this long; 15 s if it is not told. */
const PATIENT_ADS = { ...ADS, initial_fetch_timeout: '1s' };

interface JsonSecret {
  readonly resource: Readonly<Record<string, unknown>>;
}

function listener(name: string, port: number, secrets: readonly string[]): ResourceInput {
  const tls = {
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': `${PREFIX}.transport_sockets.tls.v3.DownstreamTlsContext`,
        common_tls_context: {
          tls_certificate_sds_secret_configs: secrets.map((secret) => ({ name: secret, sds_config: PATIENT_ADS })),
        },
      },
    },
  };
  const manager = {
    '@type': `${PREFIX}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: name,
    route_config: {
      virtual_hosts: [
        {
          name,
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: name } } }],
        },
      ],
    },
    http_filters: [{ name: 'router', typed_config: { '@type': `${PREFIX}.filters.http.router.v3.Router` } }],
  };
  return {
    resource: {
      '@type': TYPE_URLS.listeners,
      name,
      address: { socket_address: { address: '127.0.0.1', port_value: port } },
      filter_chains: [{ filters: [{ name: 'http', typed_config: manager }], ...(secrets.length === 0 ? {} : tls) }],
    },
  };
}

async function secret(name: string): Promise<JsonSecret> {
  const authority = await newAuthority();
  const spiffeId = `spiffe://frontier.local/ns/default/module/${name}`;
  const identity = await createIssuedIdentity({ authority, spiffeId, clock: systemClock, log: silentLogger });
  const { certPem, keyPem } = identity.current();
  identity.close();
  return {
    resource: {
      '@type': TYPE_URLS.secrets,
      name,
      tls_certificate: { certificate_chain: { inline_string: certPem }, private_key: { inline_string: keyPem } },
    },
  };
}

/** Gives the SPIFFE id of the certificate that a port shows; rejects while nobody listens. */
function shown(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw).subjectAltName ?? '');
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

test.each(['GRPC', 'DELTA_GRPC'])(
  'a listener whose secret is missing waits, others serve at once, and it serves when the secret comes (%s)',
  async (api_type) => {
    const server = createXdsServer();
    const serverPort = await server.listen();
    onCleanup(() => server.close());
    const [plain, waiting, served] = [await freePort(), await freePort(), await freePort()];
    server.setSnapshot(EVERY_NODE, {
      resources: [
        listener('plain', plain, []),
        listener('waiting', waiting, ['late']),
        listener('served', served, ['early']),
        await secret('early'),
      ],
    });
    const address = { socket_address: { address: '127.0.0.1', port_value: serverPort } };
    const envoy = await startEnvoy({
      until: 'started',
      bootstrap: {
        node: { id: 'n', cluster: 'c' },
        dynamic_resources: {
          ads_config: {
            api_type,
            transport_api_version: 'V3',
            grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
          },
          lds_config: ADS,
        },
        static_resources: {
          clusters: [
            {
              name: 'xds',
              type: 'STATIC',
              load_assignment: { cluster_name: 'xds', endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
              typed_extension_protocol_options: {
                'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
                  '@type': `${PREFIX}.upstreams.http.v3.HttpProtocolOptions`,
                  explicit_http_config: { http2_protocol_options: {} },
                },
              },
            },
          ],
        },
      },
    });
    await eventually(async () => (await envoy.stat('listener_manager.lds.update_success')) > 0, { what: 'listeners' });
    expect(await eventually(() => shown(served), { what: 'the served listener', timeoutMs: 20_000 })).toContain(
      'module/early',
    );
    expect(await (await fetch(`http://127.0.0.1:${plain}/`)).text()).toBe('plain');
    await expect(shown(waiting)).rejects.toThrow();

    server.updateResources(EVERY_NODE, [await secret('late')]);
    expect(await eventually(() => shown(waiting), { what: 'the listener that waited' })).toContain('module/late');
  },
  60_000,
);

test('a secret whose key is of another certificate is refused before it is published; the pair before it stays', async () => {
  const server = createXdsServer();
  const [early, late] = [await secret('pair'), await secret('pair')];
  const pairOf = ({ resource }: JsonSecret): Record<string, object> =>
    resource['tls_certificate'] as Record<string, object>;
  const withPair = (pair: object): ResourceInput => ({
    resource: { '@type': TYPE_URLS.secrets, name: 'pair', tls_certificate: pair },
  });
  server.setSnapshot(EVERY_NODE, { resources: [early] });
  const before = server.snapshotOf(EVERY_NODE);
  const mixed = { ...pairOf(early), private_key: pairOf(late)['private_key'] };
  const halfWritten = { ...pairOf(early), private_key: { inline_string: '-----BEGIN PRIVATE KEY-----\nMIG' } };
  for (const pair of [mixed, halfWritten]) {
    const change = (): void => {
      server.updateResources(EVERY_NODE, [withPair(pair)]);
    };
    expect(change).toThrow(/^secret pair: tls_certificate\.certificate_chain (and|or) private_key/);
    expect(change).not.toThrow(/BEGIN|MIG/);
  }
  expect(server.snapshotOf(EVERY_NODE)).toBe(before);
  // Not here as a whole: it is for the client to check.
  server.updateResources(EVERY_NODE, [
    withPair({ certificate_chain: { filename: '/a' }, private_key: { filename: '/b' } }),
  ]);
  server.updateResources(EVERY_NODE, [late]);
  await server.close();
});

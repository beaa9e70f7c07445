import { Command } from 'commander';
import { systemClock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { createLogger } from '../core/logging.ts';
import { createMetricsRegistry } from '../core/telemetry/metrics.ts';
import { startAdminApi } from './library/admin-api.ts';
import { parseSnapshotFile } from './library/snapshot-document.ts';
import { watchFile } from './library/watch-file.ts';
import { createXdsServer } from './library/xds-server.ts';
import type { TlsFiles, XdsServer } from './library/xds-server.ts';

/** node xds-control-plane/standalone.ts: the xDS server alone, with resources from a file or over HTTP (docs/xds-library.md). */

interface Flags {
  host: string;
  port: number;
  resources?: string;
  adminPort?: number;
  group: 'id' | 'cluster';
  legacyWildcard: boolean;
  tlsCert?: string;
  tlsKey?: string;
  tlsClientCa?: string;
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

const command = new Command('xds-server')
  .description('An xDS server (state-of-the-world and delta; ADS, CDS, EDS, LDS, RDS, SDS) for resources from a file')
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('--port <n>', 'port of the discovery services, 0 for a free one', Number, 18000)
  .option('--resources <file>', 'YAML or JSON file with the resources; it is followed')
  .option('--admin-port <n>', 'port of the HTTP interface (loopback), 0 for a free one; none by default', Number)
  .option('--group <id|cluster>', 'what tells nodes with snapshots of their own apart', 'id')
  .option('--no-legacy-wildcard', 'take an empty first request for nothing rather than for everything')
  .option('--tls-cert <file>', 'certificate chain, PEM')
  .option('--tls-key <file>', 'its private key, PEM')
  .option('--tls-client-ca <file>', 'authorities whose clients are let in, PEM')
  .option('--log-level <level>', 'debug, info, warn, error or silent', 'info');

function tlsOf({ tlsCert, tlsKey, tlsClientCa }: Flags): TlsFiles | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    return command.error('--tls-cert and --tls-key go together');
  }
  return { certPath: tlsCert, keyPath: tlsKey, ...(tlsClientCa === undefined ? {} : { clientCaPath: tlsClientCa }) };
}

/** Serves what a file says; nodes that it no longer names fall back to what every node gets. */
function applyFile(server: XdsServer, text: string): number {
  const snapshots = parseSnapshotFile(text);
  for (const [node, snapshot] of snapshots) server.setSnapshot(node, snapshot);
  for (const node of server.keys()) if (!snapshots.has(node)) server.clearSnapshot(node);
  return snapshots.size;
}

async function run(flags: Flags): Promise<void> {
  const log = createLogger({ service: 'xds-server', level: flags.logLevel });
  const registry = createMetricsRegistry();
  const server = createXdsServer({
    log,
    registry,
    legacyWildcard: flags.legacyWildcard,
    ...(flags.group === 'cluster' ? { nodeGroup: ({ cluster }) => cluster } : {}),
  });
  const refused = (error: unknown): void => {
    log.error({ event: 'resources_refused', error: messageOf(error) }, 'what was served goes on being served');
  };
  const endWatch =
    flags.resources === undefined
      ? (): void => undefined
      : watchFile({
          file: flags.resources,
          clock: systemClock,
          onError: refused,
          onText: (text) => {
            try {
              log.info({ event: 'resources_served', snapshots: applyFile(server, text) });
            } catch (error) {
              refused(error);
            }
          },
        });
  const tls = tlsOf(flags);
  const port = await server.listen({ host: flags.host, port: flags.port, ...(tls === undefined ? {} : { tls }) });
  const admin =
    flags.adminPort === undefined
      ? undefined
      : await startAdminApi(server, registry, { host: '127.0.0.1', port: flags.adminPort });
  const ports = { xds: port, ...(admin === undefined ? {} : { admin: admin.port }) };
  log.info({ event: 'serving', ports });
  process.send?.({ type: 'ready', ports });
  const stop = (): void => {
    endWatch();
    void Promise.all([server.close(), admin?.close()]).then(() => {
      // An IPC channel would keep the process.
      if (process.connected) process.disconnect();
    });
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.once('disconnect', stop);
}

command.action(run);
await command.parseAsync().catch((error: unknown) => {
  command.error(messageOf(error), { exitCode: 1 });
});

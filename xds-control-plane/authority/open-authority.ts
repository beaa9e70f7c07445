import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../../core/clock.ts';
import type { FrontierConfig } from '../../core/config/schema.ts';
import { FrontierError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logging.ts';
import { rootPemPath } from '../../core/service/service-identity.ts';
import { createAuthority } from './authority.ts';
import type { Authority } from './authority.ts';
import { createFileRootStore, writePart } from './file-root-store.ts';
import { createKubernetesRootStore } from './kubernetes-root-store.ts';
import { openSecret } from './kubernetes-secret-client.ts';
import type { IntermediateSource } from './due-steps.ts';
import { openRootKeeper } from './root-keeper.ts';
import type { RootKeeper, RootKeeperOptions } from './root-keeper.ts';
import type { GivenIntermediate } from './signer.ts';

/** An API that is starting, or a control plane that starts before its network, is waited for so long. */
const START_TIMEOUT_MS = 30_000;
const START_RETRY_MS = 500;
/** Rights that are being granted, or read by an API server that has just started, are waited for so long. */
const FORBIDDEN_TIMEOUT_MS = 3_000;

/** Opens the authority that the configuration speaks of. Throws CONFIG_INVALID, or STORE_UNAVAILABLE after 30 s. */
export async function openRoots(config: FrontierConfig, clock: Clock, log: Logger): Promise<RootKeeper> {
  const { mesh } = config.orchestration;
  const options: Omit<RootKeeperOptions, 'store'> = {
    intermediate: intermediateSource(config),
    trustDomain: mesh.trust_domain,
    lifetimeMs: mesh.certificate_lifetime * 1000,
    clock,
    log,
  };
  const dir = path.dirname(rootPemPath(config));
  if (mesh.authority.root === 'file') return openRootKeeper({ ...options, store: createFileRootStore(dir) });
  const { kubeconfig, ...secret } = mesh.authority.kubernetes;
  const api = await openSecret({
    ...secret,
    kubeconfig: kubeconfig === undefined ? undefined : path.resolve(config.rootDir, kubeconfig),
  });
  const store = createKubernetesRootStore(api);
  // Whoever joins the mesh on this machine checks the control plane by this file.
  const publish = (bundlePem: string): void => {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    writePart(rootPemPath(config), bundlePem);
  };
  return patiently(() => openRootKeeper({ ...options, store, publish }), clock, log);
}

/** Gives the authority that signs with what a keeper keeps. */
export function authorityOf({ orchestration: { mesh } }: FrontierConfig, roots: RootKeeper): Authority {
  return createAuthority({
    signer: () => roots.current(),
    trustDomain: mesh.trust_domain,
    namespace: mesh.namespace,
    lifetimeMs: mesh.certificate_lifetime * 1000,
  });
}

function intermediateSource({ rootDir, orchestration: { mesh } }: FrontierConfig): IntermediateSource {
  const { intermediate } = mesh.authority;
  if (intermediate === undefined) return { kind: 'none' };
  const { cert_file: certFile, key_file: keyFile, lifetime } = intermediate;
  if (certFile === undefined || keyFile === undefined) return { kind: 'own', lifetimeMs: lifetime * 1000 };
  const [certPath, keyPath] = [path.resolve(rootDir, certFile), path.resolve(rootDir, keyFile)];
  return { kind: 'given', read: () => givenIntermediate(certPath, keyPath) };
}

function givenIntermediate(certPath: string, keyPath: string): GivenIntermediate {
  const read = (file: string, key: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw new FrontierError(
        'CONFIG_INVALID',
        `${file} cannot be read (${messageOf(error)}): put the intermediate there, or correct mesh.authority.intermediate.${key}`,
        { cause: error },
      );
    }
  };
  return { pair: { certPem: read(certPath, 'cert_file'), keyPem: read(keyPath, 'key_file') }, certPath, keyPath };
}

/** Tries again while what failed may pass by itself. */
async function patiently(open: () => Promise<RootKeeper>, clock: Clock, log: Logger): Promise<RootKeeper> {
  let since = { patience: 0, ms: 0 };
  for (;;) {
    try {
      return await open();
    } catch (error) {
      const [patience, nowMs] = [patienceMs(error), clock.monotonicMs()];
      if (patience !== since.patience) since = { patience, ms: nowMs };
      if (nowMs - since.ms >= patience) throw error;
      log.warn({ event: 'root_store_unavailable', error: messageOf(error) });
      await clock.sleep(START_RETRY_MS);
    }
  }
}

function patienceMs(error: unknown): number {
  if (!(error instanceof FrontierError)) return 0;
  if (error.reason === 'STORE_UNAVAILABLE') return START_TIMEOUT_MS;
  return error.retryAfterMs === undefined ? 0 : FORBIDDEN_TIMEOUT_MS;
}

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import { FrontierError, messageOf } from '../errors.ts';
import type { Logger } from '../logging.ts';
import { issueCertificate } from './authority-client.ts';
import type { IssuedIdentity } from './authority-client.ts';
import type { IdentitySource } from './credentials.ts';
import { identityPaths, readIdentity, writeIdentity } from './identity-files.ts';
import type { IdentityMaterial, IdentityPaths } from './identity-files.ts';

const FIRST_ATTEMPT_TIMEOUT_MS = 15_000;
const ATTEMPT_TIMEOUT_MS = 5_000;
const RETRY_MS = 250;
const RENEWAL_RETRY_MS = 5_000;
const SHORTEST_RENEWAL_RETRY_MS = 100;
const SHORTEST_ATTEMPT_MS = 2_000;
/** Attempts at renewal that the rest of a certificate's life has room for, at least, while they may not be closer together. */
const RENEWAL_ATTEMPTS = 20;

export interface ObtainIdentityOptions {
  readonly spiffeId: string;
  /** Folder in which the files are kept. */
  readonly dir: string;
  /** Control plane, as host:port. */
  readonly controlPlaneAddress: string;
  /** SPIFFE id that the control plane must show. */
  readonly controlPlaneId: string;
  /** The mesh's root certificate. */
  readonly rootPemPath: string;
  /** Proof for the first certificate; not needed while a valid one is kept. */
  readonly joinToken?: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal?: AbortSignal;
}

/** A process's certificate, renewed at half of its life. */
export interface WorkloadIdentity extends IdentitySource, IdentityPaths {
  readonly spiffeId: string;
  close(): void;
}

/**
 * Gives an identity: the one kept in `dir` while it is valid, otherwise a fresh one from the control plane, which may
 * take a moment to come up (waits up to 15 s). Throws UNAUTHENTICATED, PERMISSION_DENIED or SERVICE_UNAVAILABLE.
 */
export async function obtainIdentity(options: ObtainIdentityOptions): Promise<WorkloadIdentity> {
  const kept = keptIdentity(options);
  const issued = kept ?? (await firstIdentity(options));
  return startRenewal(options, issued);
}

/** A kept certificate serves when it has the right name and has not reached its renewal time. */
function keptIdentity({ dir, spiffeId, clock, rootPemPath }: ObtainIdentityOptions): IssuedIdentity | undefined {
  const material = readIdentity(dir);
  if (material === undefined) return undefined;
  const leaf = new X509Certificate(material.certPem);
  const validFromMs = leaf.validFromDate.getTime();
  const expiresAtMs = leaf.validToDate.getTime();
  const renewAtMs = validFromMs + (expiresAtMs - validFromMs) / 2;
  const sameName = leaf.subjectAltName === `URI:${spiffeId}`;
  const sameRoot = material.bundlePem.includes(readRoot(rootPemPath).trim());
  return sameName && sameRoot && clock.nowMs() < renewAtMs ? { material, renewAtMs, expiresAtMs } : undefined;
}

async function firstIdentity(options: ObtainIdentityOptions): Promise<IssuedIdentity> {
  const { clock, joinToken, spiffeId, signal } = options;
  if (joinToken === undefined) {
    throw new FrontierError(
      'UNAUTHENTICATED',
      `${spiffeId} has no certificate yet: pass a join token in FRONTIER_JOIN_TOKEN`,
    );
  }
  const untilMs = clock.nowMs() + FIRST_ATTEMPT_TIMEOUT_MS;
  for (;;) {
    try {
      return await issueCertificate({
        ...options,
        ...rootOnly(options.rootPemPath),
        joinToken,
        timeoutMs: ATTEMPT_TIMEOUT_MS,
      });
    } catch (error) {
      const refused =
        error instanceof FrontierError &&
        ['UNAUTHENTICATED', 'PERMISSION_DENIED', 'INVALID_FIELD'].includes(error.reason);
      if (refused || clock.nowMs() >= untilMs || signal?.aborted) throw error;
      await clock.sleep(RETRY_MS, signal);
    }
  }
}

/** Before the first certificate there is only the root to check the control plane by. */
function rootOnly(rootPemPath: string): { identity: IdentitySource } {
  const material = { certPem: '', keyPem: '', bundlePem: readRoot(rootPemPath) };
  return { identity: { current: () => material, onChange: () => () => undefined } };
}

function readRoot(rootPemPath: string): string {
  try {
    return readFileSync(rootPemPath, 'utf8');
  } catch (error) {
    throw new FrontierError(
      'NOT_READY',
      `the mesh's root certificate cannot be read at ${rootPemPath}: start the control plane first`,
      { cause: error },
    );
  }
}

/** Gives how long one attempt at renewal may take, in milliseconds: one that hangs must leave time for others. */
export function renewalTimeoutMs(leftMs: number): number {
  return Math.min(ATTEMPT_TIMEOUT_MS, Math.max(SHORTEST_ATTEMPT_MS, leftMs / 4));
}

/** Gives the time until the next attempt at renewal, in milliseconds: a short life leaves no time for long waits. */
export function renewalRetryMs(leftMs: number): number {
  return Math.min(RENEWAL_RETRY_MS, Math.max(SHORTEST_RENEWAL_RETRY_MS, leftMs / RENEWAL_ATTEMPTS));
}

function startRenewal(options: ObtainIdentityOptions, first: IssuedIdentity): WorkloadIdentity {
  const { clock, log, dir, spiffeId } = options;
  const listeners = new Set<(material: IdentityMaterial) => void>();
  const stop = new AbortController();
  let cancel: () => void = () => undefined;
  let material = first.material;
  let expiresAtMs = first.expiresAtMs;

  const source: IdentitySource = {
    current: () => material,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const adopt = (issued: IssuedIdentity): void => {
    writeIdentity(dir, issued.material);
    material = issued.material;
    expiresAtMs = issued.expiresAtMs;
    for (const listener of listeners) listener(material);
    schedule(issued.renewAtMs - clock.nowMs());
  };
  const renew = async (): Promise<void> => {
    try {
      adopt(
        await issueCertificate({
          ...options,
          identity: source,
          joinToken: undefined,
          timeoutMs: renewalTimeoutMs(expiresAtMs - clock.nowMs()),
          signal: stop.signal,
        }),
      );
      log.info({ event: 'certificate_renewed', spiffeId });
    } catch (error) {
      if (stop.signal.aborted) return;
      // The present certificate goes on serving: half of its life is left for the control plane to come back.
      log.warn({ event: 'certificate_renewal_failed', spiffeId, error: messageOf(error) });
      schedule(renewalRetryMs(expiresAtMs - clock.nowMs()));
    }
  };
  const schedule = (ms: number): void => {
    if (stop.signal.aborted) return;
    // Timers hold 31 bits of milliseconds; a longer wait is taken in steps.
    const step = Math.min(Math.max(ms, 0), 2 ** 31 - 1);
    cancel = clock.after(step, () => {
      if (ms > step) schedule(ms - step);
      else void renew();
    });
  };
  adopt(first);
  return {
    spiffeId,
    ...identityPaths(dir),
    ...source,
    close: () => {
      stop.abort();
      cancel();
      listeners.clear();
    },
  };
}

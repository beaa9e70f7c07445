import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { IdentitySource } from '../../core/identity/credentials.ts';
import { assertIdentity } from '../../core/identity/identity-files.ts';
import type { IdentityMaterial } from '../../core/identity/identity-files.ts';
import { createCertificateRequest } from '../../core/identity/key-pair.ts';
import type { Logger } from '../../core/logging.ts';
import type { Authority } from './authority.ts';

const RETRY_MS = 5_000;
/** Timers hold 31 bits of milliseconds; a longer wait is taken in steps. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** An identity that the control plane keeps itself, with a fresh key at half of each certificate's life. */
export interface IssuedIdentity extends IdentitySource {
  readonly spiffeId: string;
  close(): void;
}

export interface IssuedIdentityOptions {
  readonly authority: Authority;
  readonly spiffeId: string;
  /** Hosts that the certificate is for besides; none by default. */
  readonly hosts?: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Tells of each change of the roots, upon which the identity is issued anew at once; never when left out. */
  readonly onRootsChange?: (listener: () => void) => () => void;
}

/** Issues a certificate and keeps it fresh. Key and certificate are checked to fit before anybody gets them (checklist 56). */
export async function createIssuedIdentity(options: IssuedIdentityOptions): Promise<IssuedIdentity> {
  const { authority, spiffeId, hosts, clock, log } = options;
  const listeners = new Set<(material: IdentityMaterial) => void>();
  let closed = false;
  let cancel: () => void = () => undefined;

  const issue = async (): Promise<{ material: IdentityMaterial; renewAtMs: number }> => {
    const { csrPem, keyPem } = await createCertificateRequest(spiffeId);
    const { chainPem, bundlePem, renewAtMs } = await authority.issue(csrPem, spiffeId, clock.nowMs(), hosts);
    const issued = { certPem: chainPem, keyPem, bundlePem };
    assertIdentity(issued);
    return { material: issued, renewAtMs };
  };
  const renew = async (): Promise<void> => {
    try {
      const next = await issue();
      if (closed) return;
      material = next.material;
      log.info({ event: 'certificate_renewed', spiffeId });
      for (const listener of listeners) listener(material);
      schedule(next.renewAtMs - clock.nowMs());
    } catch (error) {
      log.error({ event: 'certificate_renewal_failed', spiffeId, error: messageOf(error) });
      schedule(RETRY_MS);
    }
  };
  const schedule = (ms: number): void => {
    cancel();
    if (closed) return;
    const step = Math.min(Math.max(ms, 0), LONGEST_TIMER_MS);
    cancel = clock.after(step, () => {
      if (ms > step) schedule(ms - step);
      else void renew();
    });
  };

  const first = await issue();
  let material = first.material;
  schedule(first.renewAtMs - clock.nowMs());
  const endRoots = options.onRootsChange?.(() => {
    schedule(0);
  });
  return {
    spiffeId,
    current: () => material,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      closed = true;
      cancel();
      endRoots?.();
      listeners.clear();
    },
  };
}

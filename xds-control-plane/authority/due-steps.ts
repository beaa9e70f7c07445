import { X509Certificate } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { FrontierError } from '../../core/errors.ts';
import { allowsAuthorityBelow, createIntermediate, intermediateRenewalMs } from './intermediate.ts';
import { advanced, begun, stepEndMs } from './root-rotation.ts';
import { certificatesIn, createRoot } from './root.ts';
import type { RootState, RootStore } from './root-state.ts';
import { rootPair, signerOf } from './signer.ts';
import type { GivenIntermediate, SignerContext } from './signer.ts';

/** An intermediate made and renewed here, or read from elsewhere. */
export type IntermediateSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'own'; readonly lifetimeMs: number }
  | { readonly kind: 'given'; read(): GivenIntermediate };

/** What an authority is to be. */
export interface AuthorityPolicy {
  readonly store: RootStore;
  readonly intermediate: IntermediateSource;
  readonly trustDomain: string;
  /** Life of a certificate, in milliseconds. */
  readonly lifetimeMs: number;
  readonly clock: Clock;
}

/** Gives what a state is read by. */
export function contextOf(given: GivenIntermediate | undefined, options: AuthorityPolicy): SignerContext {
  const { store, trustDomain, intermediate, clock } = options;
  return {
    store,
    trustDomain,
    intermediate: given ?? (intermediate.kind === 'own' ? 'own' : 'none'),
    nowMs: clock.nowMs(),
  };
}

/** Gives a state in which a rotation has begun. Throws ROTATION_UNDER_WAY or ROOT_KEY_ABSENT. */
export async function begunOf(state: RootState, options: AuthorityPolicy): Promise<RootState> {
  const nowMs = options.clock.nowMs();
  if (state.rotation !== undefined) {
    throw new FrontierError('ROTATION_UNDER_WAY', `the root is being replaced already, at step ${state.rotation.step}`);
  }
  if (options.intermediate.kind === 'given' || state.keyPem === undefined) {
    throw new FrontierError(
      'ROOT_KEY_ABSENT',
      "the root's key is kept elsewhere, so the root is replaced by hand: add the new root to root.pem, later replace the intermediate, at last remove the old root (docs/xds.md)",
    );
  }
  return begun(state, await createRoot(options.trustDomain, nowMs), nowMs);
}

/** Gives the state with what is due by now done to it; the same object when nothing is. */
export async function whatIsDue(
  state: RootState,
  given: GivenIntermediate | undefined,
  options: AuthorityPolicy,
): Promise<RootState> {
  const { clock, lifetimeMs, intermediate, trustDomain } = options;
  const nowMs = clock.nowMs();
  if (state.keyPem === undefined) return state;
  const context = contextOf(given, options);
  let next = state;
  if (state.rotation !== undefined && stepEndMs(state.rotation, lifetimeMs) <= nowMs) {
    next = advanced(state, rootPair(state, context).certPem, nowMs);
  }
  if (intermediate.kind !== 'own' || (await isIntermediateGood(next, options))) return next;
  const root = rootPair(next, context);
  assertMayDelegate(root.certPem, context);
  return {
    ...next,
    intermediate: await createIntermediate({ root, trustDomain, lifetimeMs: intermediate.lifetimeMs, nowMs }),
  };
}

function assertMayDelegate(rootPem: string, { store }: SignerContext): void {
  if (allowsAuthorityBelow(rootPem)) return;
  throw new FrontierError(
    'CONFIG_INVALID',
    `${store.where('root.pem')} allows no intermediate below it (path length 0): leave mesh.authority.intermediate out, replace the root by "frontier mesh rotate-root", and set it once that is over`,
  );
}

/** Whether the kept intermediate is sound, of the root that signs, and not to be renewed yet. */
async function isIntermediateGood(state: RootState, options: AuthorityPolicy): Promise<boolean> {
  const { clock, lifetimeMs } = options;
  const context = contextOf(undefined, options);
  const root = rootPair(state, context);
  try {
    const { rootPem, expiresAtMs, rootExpiresAtMs } = await signerOf(state, context);
    if (rootPem !== root.certPem) return false;
    // A new one could not outlive the root either.
    if (expiresAtMs >= rootExpiresAtMs) return true;
    return intermediateRenewalMs(state.intermediate?.certPem ?? '', lifetimeMs) > clock.nowMs();
  } catch {
    // With the root's key at hand another one costs nothing: what the old one signed brings it along.
    return false;
  }
}

/** Gives when something is to be done without anybody asking, in milliseconds since the epoch; Infinity for never. */
export function dueMsOf(state: RootState, given: GivenIntermediate | undefined, options: AuthorityPolicy): number {
  if (state.keyPem === undefined) return Infinity;
  const { lifetimeMs } = options;
  const rotation = state.rotation === undefined ? Infinity : stepEndMs(state.rotation, lifetimeMs);
  const own = given === undefined && options.intermediate.kind === 'own' ? state.intermediate : undefined;
  return Math.min(rotation, own === undefined ? Infinity : intermediateRenewalMs(own.certPem, lifetimeMs));
}

/** The end of an intermediate that ought to have been renewed by now, and cannot be here; undefined while all is well. */
export function intermediateEnd(
  state: RootState,
  given: GivenIntermediate | undefined,
  { intermediate, lifetimeMs, clock }: AuthorityPolicy,
): Date | undefined {
  const own = intermediate.kind === 'own' && state.keyPem === undefined ? state.intermediate : undefined;
  const certPem = (given?.pair ?? own)?.certPem;
  if (certPem === undefined || intermediateRenewalMs(certPem, lifetimeMs) > clock.nowMs()) return undefined;
  return new X509Certificate(certificatesIn(certPem)[0]).validToDate;
}

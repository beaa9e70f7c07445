import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../core/clock.ts';
import { FrontierError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logging.ts';
import { allowsAuthorityBelow, createIntermediate, intermediateRenewalMs } from './intermediate.ts';
import { advanced, begun, stepEndMs } from './root-rotation.ts';
import { certificatesIn, createRoot } from './root.ts';
import { EMPTY_STATE } from './root-state.ts';
import type { RootState, RootStore, Rotation, StoredRoot } from './root-state.ts';
import { rootPair, signerOf } from './signer.ts';
import type { GivenIntermediate, Signer, SignerContext } from './signer.ts';

/** How often it is looked whether others (other control planes, the operator) have changed what is kept, in milliseconds. */
const LOOK_MS = 5_000;
/** Timers hold 31 bits of milliseconds; a longer wait is taken in steps. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Others may be first so often before it is told as a failure. */
const MAX_CONFLICTS = 20;

/** Keeps the mesh's authority: its root, the rotation of that, and the intermediate. */
export interface RootKeeper {
  /** What signs now. */
  current(): Signer;
  /** Calls back when another root signs, others are trusted, or another intermediate was given; the returned function ends it. */
  onChange(listener: () => void): () => void;
  rotation(): Rotation | undefined;
  /** Begins a rotation. Throws ROTATION_UNDER_WAY while one is under way, ROOT_KEY_ABSENT when it is for others to do. */
  begin(): Promise<Rotation>;
  close(): void;
}

/** An intermediate made and renewed here, or read from elsewhere. */
export type IntermediateSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'own'; readonly lifetimeMs: number }
  | { readonly kind: 'given'; read(): GivenIntermediate };

export interface RootKeeperOptions {
  readonly store: RootStore;
  readonly intermediate: IntermediateSource;
  readonly trustDomain: string;
  /** Life of a certificate, in milliseconds. */
  readonly lifetimeMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told the trusted roots at first and at each change, before anybody else is. */
  readonly publish?: (bundlePem: string) => void;
}

interface InForce {
  readonly state: RootState;
  readonly given: GivenIntermediate | undefined;
  readonly signer: Signer;
  /** When something is to be done without anybody's asking, in milliseconds since the epoch. */
  readonly dueMs: number;
}

/**
 * Opens the authority that is kept, making it when there is none, and goes on with what was under way. Each look is the same
 * whatever happened before: read, see what is due, write if nobody else has meanwhile, take into force. What is kept and is
 * no good is told, and what was in force goes on. Throws CONFIG_INVALID or STORE_UNAVAILABLE.
 */
export async function openRootKeeper(options: RootKeeperOptions): Promise<RootKeeper> {
  const { store, intermediate, lifetimeMs, clock, log } = options;
  const listeners = new Set<() => void>();
  let inForce: InForce | undefined;
  let lastFailure = '';
  let closed = false;
  let cancel: () => void = () => undefined;
  let turn: Promise<unknown> = Promise.resolve();

  const look = async (change: (state: RootState) => Promise<RootState> = unchanged): Promise<void> => {
    for (let attempt = 0; attempt < MAX_CONFLICTS; attempt += 1) {
      const stored = await store.read();
      if (stored === undefined) {
        await createFirst();
        continue;
      }
      const given = intermediate.kind === 'given' ? intermediate.read() : undefined;
      if (change === unchanged && isInForce(stored.state, given) && clock.nowMs() < (inForce?.dueMs ?? 0)) return;
      const next = await whatIsDue(await change(stored.state), given, options);
      if (await kept(store, next, stored)) {
        await take(next, given);
        return;
      }
    }
    throw new FrontierError('STORE_UNAVAILABLE', 'the root is being changed by others all the time: try again');
  };
  const isInForce = (state: RootState, given: GivenIntermediate | undefined): boolean =>
    inForce !== undefined && isDeepStrictEqual([state, given], [inForce.state, inForce.given]);
  const createFirst = async (): Promise<void> => {
    if (inForce !== undefined)
      throw new FrontierError('CONFIG_INVALID', `${store.where('root.pem')} is gone: restore it`);
    if (intermediate.kind === 'given') {
      const where = store.where('root.pem');
      throw new FrontierError(
        'CONFIG_INVALID',
        `${where} is missing: put the root's certificate there, its key is not needed`,
      );
    }
    const { certPem, keyPem } = await createRoot(options.trustDomain, clock.nowMs());
    await store.create({ ...EMPTY_STATE, rootsPem: certPem, keyPem });
  };
  const take = async (state: RootState, given: GivenIntermediate | undefined): Promise<void> => {
    const before = inForce;
    if (isInForce(state, given)) return;
    const signer = await signerOf(state, contextOf(given, options));
    const dueMs = dueMsOf(state, given, options);
    options.publish?.(signer.bundlePem);
    inForce = { state, given, signer, dueMs };
    tell(before, inForce);
    schedule();
  };
  const tell = (before: InForce | undefined, { state, signer, given }: InForce): void => {
    const step = state.rotation?.step;
    if (before !== undefined && before.state.rotation?.step !== step) {
      log.warn({ event: 'root_rotation', step: step ?? 'over', trusted: certificatesIn(signer.bundlePem).length });
    }
    const isOther = before?.signer.bundlePem !== signer.bundlePem || before.given?.pair.certPem !== given?.pair.certPem;
    if (before === undefined || !isOther) return;
    for (const listener of listeners) listener();
  };
  /** One look at a time; a failure is told once, not at every look. */
  const inTurn = (change?: (state: RootState) => Promise<RootState>): Promise<void> => {
    const result = turn.then(() => look(change));
    turn = result.then(
      () => (lastFailure = ''),
      () => undefined,
    );
    return result;
  };
  const tick = (): void => {
    if (closed) return;
    inTurn().catch((error: unknown) => {
      const failure = messageOf(error);
      if (failure !== lastFailure) log.error({ event: 'root_refused', error: failure });
      lastFailure = failure;
    });
  };
  const schedule = (): void => {
    cancel();
    if (closed || inForce === undefined || inForce.dueMs === Infinity) return;
    const waitMs = Math.max(0, inForce.dueMs - clock.nowMs());
    cancel = clock.after(Math.min(waitMs, LONGEST_TIMER_MS), waitMs > LONGEST_TIMER_MS ? schedule : tick);
  };

  await inTurn();
  const cancelLooks = clock.every(Math.min(LOOK_MS, lifetimeMs / 20), tick);
  const force = (): InForce => {
    if (inForce === undefined) throw new FrontierError('NOT_READY', 'there is no root');
    return inForce;
  };
  return {
    current: () => force().signer,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    rotation: () => force().state.rotation,
    begin: async () => {
      await inTurn(async (state) => begunOf(state, options));
      const { rotation } = force().state;
      if (rotation === undefined) throw new FrontierError('INTERNAL', 'the rotation has not begun');
      return rotation;
    },
    close: () => {
      closed = true;
      cancel();
      cancelLooks();
      listeners.clear();
    },
  };
}

const unchanged = (state: RootState): Promise<RootState> => Promise.resolve(state);

async function kept(store: RootStore, next: RootState, stored: StoredRoot): Promise<boolean> {
  return next === stored.state || (await store.update(next, stored));
}

function contextOf(given: GivenIntermediate | undefined, options: RootKeeperOptions): SignerContext {
  const { store, trustDomain, intermediate, clock } = options;
  return {
    store,
    trustDomain,
    intermediate: given ?? (intermediate.kind === 'own' ? 'own' : 'none'),
    nowMs: clock.nowMs(),
  };
}

async function begunOf(state: RootState, options: RootKeeperOptions): Promise<RootState> {
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
async function whatIsDue(
  state: RootState,
  given: GivenIntermediate | undefined,
  options: RootKeeperOptions,
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
async function isIntermediateGood(state: RootState, options: RootKeeperOptions): Promise<boolean> {
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

function dueMsOf(state: RootState, given: GivenIntermediate | undefined, options: RootKeeperOptions): number {
  if (state.keyPem === undefined) return Infinity;
  const { lifetimeMs } = options;
  const rotation = state.rotation === undefined ? Infinity : stepEndMs(state.rotation, lifetimeMs);
  const own = given === undefined && options.intermediate.kind === 'own' ? state.intermediate : undefined;
  return Math.min(rotation, own === undefined ? Infinity : intermediateRenewalMs(own.certPem, lifetimeMs));
}

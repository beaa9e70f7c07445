import { isDeepStrictEqual } from 'node:util';
import { FrontierError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logging.ts';
import { begunOf, contextOf, dueMsOf, intermediateEnd, whatIsDue } from './due-steps.ts';
import type { AuthorityPolicy } from './due-steps.ts';
import { certificatesIn, createRoot } from './root.ts';
import { EMPTY_STATE } from './root-state.ts';
import type { RootState, RootStore, Rotation, StoredRoot } from './root-state.ts';
import { signerOf } from './signer.ts';
import type { GivenIntermediate, Signer } from './signer.ts';

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

export interface RootKeeperOptions extends AuthorityPolicy {
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
  let warnedOf = '';
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
  /** Once for each intermediate: who keeps it elsewhere has to renew it. */
  const warnOfEnd = (): void => {
    if (inForce === undefined) return;
    const expires = intermediateEnd(inForce.state, inForce.given, options)?.toISOString() ?? '';
    if (expires !== '' && expires !== warnedOf) log.warn({ event: 'intermediate_expires', expires });
    warnedOf = expires;
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
      () => {
        lastFailure = '';
        warnOfEnd();
      },
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

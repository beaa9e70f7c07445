import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import { FrontierError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logging.ts';
import { certificatesIn, createRoot, loadOrCreateRoot, rootFiles, writeWhole } from './root.ts';
import type { Root } from './root.ts';

/**
 * Another root takes the place of the mesh's root in three steps, at none of which two parts of the mesh fail to trust each
 * other (checklist 57):
 *
 * | step       | trusted   | signs | until                                                                          |
 * | ---------- | --------- | ----- | ------------------------------------------------------------------------------ |
 * | distribute | old + new | old   | every certificate has been renewed once, and its holder so been told of the new |
 * | replace    | new + old | new   | every certificate of the old root has expired                                   |
 * | (over)     | new       | new   |                                                                                |
 *
 * The step is kept in `rotation.json`, the coming root's key in `next-root.key` (0600). The change from old to new is the
 * renaming of one file, root.key, so that a control plane that dies at any point goes on where it was.
 */
export type RotationStep = 'distribute' | 'replace';

export interface Rotation {
  readonly step: RotationStep;
  readonly sinceMs: number;
}

const rotationSchema = z.object({ step: z.enum(['distribute', 'replace']), sinceMs: z.number() });

/** A certificate is renewed at half of its life, and tried again for the rest of it; clocks differ, so a tenth is added. */
const SLACK = 1.1;
const RETRY_MS = 5_000;
/** Timers hold 31 bits of milliseconds; a longer wait is taken in steps. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Gives when a step is over, in milliseconds since the epoch. */
export function stepEndMs({ step, sinceMs }: Rotation, lifetimeMs: number): number {
  return sinceMs + (step === 'distribute' ? lifetimeMs / 2 : lifetimeMs) * SLACK;
}

/** Keeps the mesh's root, and sees its rotation through. */
export interface RootKeeper {
  current(): Root;
  /** Calls back when another root signs, or others are trusted; the returned function ends it. */
  onChange(listener: () => void): () => void;
  rotation(): Rotation | undefined;
  /** Begins a rotation. Throws ROTATION_UNDER_WAY while one is under way. */
  begin(): Promise<Rotation>;
  close(): void;
}

export interface RootKeeperOptions {
  readonly dir: string;
  readonly trustDomain: string;
  /** Life of a certificate, in milliseconds. */
  readonly lifetimeMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Opens the root kept in a folder, and goes on with a rotation that was under way. Throws as loadOrCreateRoot does. */
export async function openRootKeeper(options: RootKeeperOptions): Promise<RootKeeper> {
  const { dir, trustDomain, lifetimeMs, clock, log } = options;
  const files = rootFiles(dir);
  const next = { cert: path.join(dir, 'next-root.pem'), key: path.join(dir, 'next-root.key') };
  const stateFile = path.join(dir, 'rotation.json');
  const listeners = new Set<() => void>();
  let closed = false;
  let cancel: () => void = () => undefined;
  let root = await loadOrCreateRoot(dir, trustDomain, clock.nowMs());
  let rotation = readRotation(stateFile);
  if (rotation?.step === 'distribute' && existsSync(next.cert)) {
    // The control plane died before the new root was trusted.
    const coming = readFileSync(next.cert, 'utf8');
    if (!root.bundlePem.includes(coming.trim())) {
      writeWhole(files.cert, root.bundlePem + coming);
      root = await loadOrCreateRoot(dir, trustDomain, clock.nowMs());
    }
  }

  const enter = async (step: RotationStep | undefined, sinceMs = clock.nowMs()): Promise<void> => {
    if (step === undefined) for (const file of [stateFile, next.cert, next.key]) rmSync(file, { force: true });
    else writeWhole(stateFile, JSON.stringify({ step, sinceMs }));
    rotation = step === undefined ? undefined : { step, sinceMs };
    root = await loadOrCreateRoot(dir, trustDomain, clock.nowMs());
    log.warn({ event: 'root_rotation', step: step ?? 'over', trusted: certificatesIn(root.bundlePem).length });
    for (const listener of listeners) listener();
    schedule();
  };
  const steps: Readonly<Record<RotationStep, () => Promise<void>>> = {
    distribute: async () => {
      // The one file whose change is the change of roots. After a restart in between it is no longer there.
      if (existsSync(next.key)) writeWhole(files.key, readFileSync(next.key, 'utf8'));
      rmSync(next.key, { force: true });
      await enter('replace');
    },
    replace: async () => {
      writeWhole(files.cert, root.certPem);
      await enter(undefined);
    },
  };
  const advance = async (step: RotationStep): Promise<void> => {
    try {
      await steps[step]();
    } catch (error) {
      log.error({ event: 'root_rotation_failed', step, error: messageOf(error) });
      if (!closed) cancel = clock.after(RETRY_MS, () => void advance(step));
    }
  };
  const schedule = (): void => {
    cancel();
    if (rotation === undefined || closed) return;
    const { step } = rotation;
    const waitMs = Math.max(0, stepEndMs(rotation, lifetimeMs) - clock.nowMs());
    cancel = clock.after(Math.min(waitMs, LONGEST_TIMER_MS), () => {
      if (waitMs > LONGEST_TIMER_MS) schedule();
      else void advance(step);
    });
  };
  schedule();
  return {
    current: () => root,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    rotation: () => rotation,
    begin: async () => {
      if (rotation !== undefined) {
        throw new FrontierError('ROTATION_UNDER_WAY', `the root is being replaced already, at step ${rotation.step}`);
      }
      const begun: Rotation = { step: 'distribute', sinceMs: clock.nowMs() };
      rotation = begun;
      try {
        const made = await createRoot(trustDomain, clock.nowMs());
        writeWhole(next.key, made.keyPem);
        writeWhole(next.cert, made.certPem);
        // Before it is trusted, since a restart from here on must know what to go on with.
        writeWhole(stateFile, JSON.stringify(begun));
        writeWhole(files.cert, `${root.certPem.trim()}\n${made.certPem}`);
        await enter('distribute', begun.sinceMs);
        return begun;
      } catch (error) {
        rotation = undefined;
        throw error;
      }
    },
    close: () => {
      closed = true;
      cancel();
      listeners.clear();
    },
  };
}

/** A state file that cannot be read is no reason not to start: whatever is trusted stays so, and the operator may begin anew. */
function readRotation(file: string): Rotation | undefined {
  try {
    return rotationSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

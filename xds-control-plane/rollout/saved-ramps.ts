import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { beginRamp, NO_OUTCOMES } from './ramp.ts';
import type { Ramp } from './ramp.ts';
import type { Entry } from './ramp-plans.ts';

/** How far ramps are, in the forms in which that outlives a control plane: a file of its own, and what all of them share. */

const phase = z.object({
  key: z.string(),
  phase: z.enum(['RAMPING', 'DONE', 'ROLLED_BACK']),
  step: z.int().min(0),
  reason: z.string(),
});
const count = z.number().min(0);
export const outcomesSchema = z.object({ calls: count, errors: count, judged: count, confidence: count });

/** What has been seen at the present step is shared too, so that whoever goes on does not wait for it again. */
const shared = phase.extend({ heldMs: count, main: outcomesSchema, fresh: outcomesSchema });
export const sharedRampsSchema = z.record(z.string(), shared);

type SavedRamp = z.output<typeof phase> & Partial<z.output<typeof shared>>;
export type SavedRamps = Readonly<Record<string, SavedRamp>>;
export type SharedRamps = z.output<typeof sharedRampsSchema>;

/** Gives ramps as they are shared. */
export function toShared(entries: ReadonlyMap<string, Entry>, nowMs: number): SharedRamps {
  return Object.fromEntries(
    [...entries].map(([id, { plan, ramp }]) => {
      const {
        step = 0,
        sinceMs = nowMs,
        main = NO_OUTCOMES,
        fresh = NO_OUTCOMES,
      } = ramp.phase === 'RAMPING' ? ramp : {};
      const reason = ramp.phase === 'ROLLED_BACK' ? ramp.reason : '';
      return [
        id,
        { key: plan.key, phase: ramp.phase, step, reason, heldMs: Math.max(0, nowMs - sinceMs), main, fresh },
      ];
    }),
  );
}

/** Gives a ramp as it was saved, if it is this one; at its beginning otherwise. */
export function fromSaved(saved: SavedRamp | undefined, key: string, nowMs: number): Ramp {
  if (saved?.key !== key) return beginRamp(nowMs);
  switch (saved.phase) {
    case 'RAMPING': {
      const { step, heldMs = 0, main = NO_OUTCOMES, fresh = NO_OUTCOMES } = saved;
      return { phase: 'RAMPING', step, sinceMs: nowMs - heldMs, main, fresh };
    }
    case 'DONE':
      return { phase: 'DONE' };
    case 'ROLLED_BACK':
      return { phase: 'ROLLED_BACK', reason: saved.reason };
  }
}

/** The file of one control plane: phases and steps only, so that it is written seldom. */
export interface RampFile {
  read(): SavedRamps;
  write(ramps: SavedRamps): void;
}

/** Gives the file at a path. One that is not there or not readable means that nothing was ramped before. */
export function rampFile(file: string): RampFile {
  let written = '';
  return {
    read: () => {
      try {
        written = readFileSync(file, 'utf8');
        return z.record(z.string(), phase).parse(JSON.parse(written));
      } catch {
        return {};
      }
    },
    write: (ramps) => {
      const text = JSON.stringify(z.record(z.string(), phase).parse(ramps));
      if (text === written || (text === '{}' && written === '')) return;
      mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(`${file}.new`, text, { mode: 0o600 });
      renameSync(`${file}.new`, file);
      written = text;
    },
  };
}

import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import { outcomesSchema } from '../rollout/saved-ramps.ts';
import type { RouterReport, RouterReports } from '../reports/router-reports.ts';

/**
 * What one control plane tells the others: what routers have reported to it, and how calls have ended by the Envoys that are
 * connected to it. Times are those of the wall clock, since every machine counts its monotonic one from another beginning.
 */
const time = z.number().min(0);
export const peerRecordSchema = z.object({
  reports: z.array(
    z.object({
      reporter: z.string(),
      saidAtMs: time,
      expiresAtMs: time,
      modules: z.array(
        z.object({
          moduleId: z.string(),
          openUntilMs: time.nullable(),
          weight: z.number().min(0).max(1).nullable(),
          isOwn: z.boolean(),
        }),
      ),
    }),
  ),
  /** By cluster, since this control plane started: whoever decides takes what has come since it last looked. */
  outcomes: z.record(z.string(), outcomesSchema),
});

export type PeerRecord = z.output<typeof peerRecordSchema>;

/** Gives reports as they are told. */
export function toTold(reports: RouterReports, clock: Clock): PeerRecord['reports'] {
  const toWall = clock.nowMs() - clock.monotonicMs();
  const wall = (ms: number): number => Math.max(0, Math.round(ms + toWall));
  return [...reports].map(([reporter, { saidAtMs, expiresAtMs, modules }]) => ({
    reporter,
    saidAtMs: wall(saidAtMs),
    expiresAtMs: wall(expiresAtMs),
    modules: modules.map(({ moduleId, openUntilMs, weight, isOwn }) => ({
      moduleId,
      isOwn,
      openUntilMs: openUntilMs === undefined ? null : wall(openUntilMs),
      weight: weight ?? null,
    })),
  }));
}

/** Gives reports as they are kept, by router; of one that has reported to several control planes, the latest. */
export function fromTold(records: Iterable<PeerRecord>, clock: Clock): RouterReports {
  const toMonotonic = clock.monotonicMs() - clock.nowMs();
  const heard = new Map<string, RouterReport>();
  for (const { reporter, saidAtMs, expiresAtMs, modules } of [...records].flatMap(({ reports }) => reports)) {
    const said = saidAtMs + toMonotonic;
    if ((heard.get(reporter)?.saidAtMs ?? -Infinity) >= said) continue;
    heard.set(reporter, {
      saidAtMs: said,
      expiresAtMs: expiresAtMs + toMonotonic,
      modules: modules.map(({ moduleId, openUntilMs, weight, isOwn }) => ({
        moduleId,
        openUntilMs: openUntilMs === null ? undefined : openUntilMs + toMonotonic,
        weight: weight ?? undefined,
        isOwn,
      })),
    });
  }
  return heard;
}

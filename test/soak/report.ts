import { percentile } from '../faults/report.ts';
import type { Sent } from './open-loop.ts';
import type { WatchedProcess } from './watch-memory.ts';

/** What a soak came to. */
export interface SoakSummary {
  readonly seconds: number;
  readonly requests: number;
  readonly accepted: number;
  /** From 0 to 1. */
  readonly accepted_share: number;
  readonly errors: number;
  readonly hangs: number;
  readonly spliced: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly faults: number;
  /** Whether every process that lived through it all has kept its memory. */
  readonly memory_flat: boolean;
}

/** Least share of requests that are to be answered well. */
const LEAST_ACCEPTED = 0.999;

export function summaryOf(
  sent: readonly Sent[],
  processes: readonly WatchedProcess[],
  { seconds, faults }: { readonly seconds: number; readonly faults: number },
): SoakSummary {
  const count = (verdict: Sent['verdict']): number => sent.filter((each) => each.verdict === verdict).length;
  const times = sent.map(({ ms }) => ms);
  const accepted = count('good');
  return {
    seconds: Math.round(seconds),
    requests: sent.length,
    accepted,
    accepted_share: sent.length === 0 ? 0 : accepted / sent.length,
    errors: count('error'),
    hangs: count('hang'),
    spliced: count('wrong'),
    p50_ms: percentile(times, 0.5),
    p99_ms: percentile(times, 0.99),
    faults,
    memory_flat: processes.every(({ trend }) => trend?.isFlat !== false),
  };
}

/** Tells whether a soak came out well. */
export function isGood({ accepted_share, hangs, spliced, memory_flat, requests }: SoakSummary): boolean {
  return requests > 0 && accepted_share >= LEAST_ACCEPTED && hangs === 0 && spliced === 0 && memory_flat;
}

const MOST_WORDS = 300;

/** Gives what went otherwise than well: each kind with how often, and during which faults. */
export function errorRows(sent: readonly Sent[]): string[][] {
  const groups = new Map<string, Sent[]>();
  for (const each of sent.filter(({ verdict }) => verdict !== 'good')) {
    const kind = `${each.verdict}: ${each.detail}`;
    groups.set(kind, [...(groups.get(kind) ?? []), each]);
  }
  return [...groups].map(([kind, all]) => {
    const during = [...new Set(all.map(({ fault, form }) => `${fault} (${form})`))];
    return [String(all.length), kind, during.join(', '), all[0]?.words.slice(0, MOST_WORDS) ?? ''];
  });
}

/** Gives what came of each form. */
export function formRows(sent: readonly Sent[]): string[][] {
  return [...new Set(sent.map(({ form }) => form))].sort().map((form) => {
    const all = sent.filter((each) => each.form === form);
    const good = all.filter(({ verdict }) => verdict === 'good');
    const times = all.map(({ ms }) => ms);
    return [form, `${good.length}/${all.length}`, String(percentile(times, 0.5)), String(percentile(times, 0.99))];
  });
}

/** Gives the memory of each process: after the warm-up, at the end, its slope. */
export function memoryRows(processes: readonly WatchedProcess[]): string[][] {
  return processes.flatMap(({ role, pid, samples, trend }) => {
    const [first] = samples;
    if (first === undefined) return [];
    const seconds = Math.round(((samples.at(-1)?.atMs ?? 0) - first.atMs) / 1_000);
    if (trend === undefined)
      return [[role, String(pid), `${seconds} s`, '', mib(samples.at(-1)?.bytes ?? 0), '', 'replaced']];
    const { beforeBytes, afterBytes, slopePerHour, isFlat } = trend;
    const slope = `${mib(slopePerHour)}/h`;
    return [[role, String(pid), `${seconds} s`, mib(beforeBytes), mib(afterBytes), slope, isFlat ? 'flat' : 'GROWS']];
  });
}

/** Gives rows under a head, in columns. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((text, at) => text.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}

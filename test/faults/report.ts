import type { Asked, Form } from './ask.ts';

/** One fault in one form. */
export interface Cell {
  readonly fault: string;
  readonly form: Form;
  readonly strategy: string;
  /** Whether a healthy module was there that could answer. */
  readonly eligible: boolean;
  readonly requests: number;
  readonly accepted: number;
  readonly errors: number;
  readonly wrong: number;
  readonly hangs: number;
  /** Requests that reached what was at fault. */
  readonly met: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly recover_s: number;
  /** Requests that were lost while a part on the way was gone, sent one after another. */
  readonly lost: number;
  /** Each distinct thing that went otherwise than well. */
  readonly details: readonly string[];
}

export interface CellInput {
  readonly fault: string;
  readonly form: Form;
  readonly strategy: string;
  readonly eligible: boolean;
  readonly asked: readonly Asked[];
  readonly met: number;
  readonly recoverMs: number;
  readonly lost: number;
}

/** Counts what came of one cell's requests. */
export function cellOf({ fault, form, strategy, eligible, asked, met, recoverMs, lost }: CellInput): Cell {
  const count = (verdict: Asked['verdict']): number => asked.filter((each) => each.verdict === verdict).length;
  const times = asked.map(({ ms }) => ms);
  return {
    fault,
    form,
    strategy,
    eligible,
    requests: asked.length,
    accepted: count('good'),
    errors: count('error'),
    wrong: count('wrong'),
    hangs: count('hang'),
    met,
    p50_ms: percentile(times, 0.5),
    p99_ms: percentile(times, 0.99),
    recover_s: Math.round(recoverMs) / 1000,
    lost,
    details: [...new Set(asked.filter(({ detail }) => detail !== '').map(detailOf))],
  };
}

function detailOf({ detail, words }: Asked): string {
  return words === '' || words === detail ? detail : `${detail}: ${words}`;
}

export interface Summary {
  readonly cells: number;
  readonly requests: number;
  readonly accepted: number;
  readonly hangs: number;
  readonly spliced: number;
  /** Share of accepted answers where the primary was at fault, from 0 to 1. */
  readonly fallback_success: number;
  readonly added_p50_ms: number;
  readonly added_p99_ms: number;
  readonly mttr_max_s: number;
}

/** Sums the cells up; added time is over the healthy system's median in the same form. */
export function summaryOf(cells: readonly Cell[]): Summary {
  const sum = (pick: (cell: Cell) => number, of = cells): number => of.reduce((total, cell) => total + pick(cell), 0);
  const faulty = cells.filter(({ fault, eligible }) => fault !== 'healthy' && eligible);
  const base = (form: Form): number =>
    cells.find((cell) => cell.fault === 'healthy' && cell.form === form)?.p50_ms ?? 0;
  const added = (pick: (cell: Cell) => number): number[] =>
    faulty.map((cell) => Math.max(0, pick(cell) - base(cell.form)));
  return {
    cells: cells.length,
    requests: sum(({ requests }) => requests),
    accepted: sum(({ accepted }) => accepted),
    hangs: sum(({ hangs }) => hangs),
    spliced: sum(({ wrong }) => wrong),
    fallback_success:
      faulty.length === 0 ? 1 : sum(({ accepted }) => accepted, faulty) / sum(({ requests }) => requests, faulty),
    added_p50_ms: percentile(
      added(({ p50_ms }) => p50_ms),
      0.5,
    ),
    added_p99_ms: percentile(
      added(({ p99_ms }) => p99_ms),
      0.99,
    ),
    mttr_max_s: Math.max(0, ...cells.map(({ recover_s }) => recover_s)),
  };
}

/** Least share of requests that are to be answered while any healthy module could. */
const LEAST_SUCCESS = 0.99;

/** Longest time that it may take to say that nobody can answer, in milliseconds. */
const LONGEST_REFUSAL_MS = 10_000;

/** Tells whether nothing hung, nothing was spliced, enough was answered, and that nobody can answer was said soon. */
export function isGood(cells: readonly Cell[]): boolean {
  const { hangs, spliced, fallback_success } = summaryOf(cells);
  const refusals = cells.filter(({ eligible }) => !eligible);
  const areQuick = refusals.every(
    ({ p99_ms, details }) => p99_ms <= LONGEST_REFUSAL_MS && !details.some((detail) => detail.startsWith('INTERNAL')),
  );
  return hangs === 0 && spliced === 0 && fallback_success >= LEAST_SUCCESS && areQuick;
}

/** Gives the cells as a table for people. */
export function tableOf(cells: readonly Cell[]): string {
  const head = [
    'fault',
    'form',
    'strategy',
    'good',
    'error',
    'wrong',
    'hang',
    'met',
    'p50 ms',
    'p99 ms',
    'back s',
    'lost',
  ];
  const rows = cells.map((cell) =>
    [
      cell.fault,
      cell.form,
      cell.strategy,
      `${cell.accepted}/${cell.requests}`,
      cell.errors,
      cell.wrong,
      cell.hangs,
      cell.met,
      cell.p50_ms,
      cell.p99_ms,
      cell.recover_s,
      cell.lost,
    ].map(String),
  );
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]!.length)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((text, at) => text.padEnd(widths[at]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Nearest rank; whole milliseconds. */
export function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? 0);
}

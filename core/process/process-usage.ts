import { readFileSync } from 'node:fs';

/** Size of the pages that /proc counts in; 4 KiB on every machine that Node's releases run on, but for some of ARM. */
const PAGE_BYTES = 4096;
/** Ticks that /proc counts time in (USER_HZ), the same on every Linux. */
const TICKS_PER_SECOND = 100;
/** Deeper trees of processes are not followed. */
const DEEPEST = 4;

/** What a process and all that it has started take at one time. */
export interface TreeReading {
  readonly pids: readonly number[];
  /** Resident memory, in bytes. */
  readonly memoryBytes: number;
  /** CPU time of each process by its pid and start, in seconds. */
  readonly ownSeconds: ReadonlyMap<string, number>;
  /** CPU time of all of them and of their children that have ended and were waited for, in seconds. */
  readonly totalSeconds: number;
}

/** Reads a process and all that it has started; undefined where the system does not tell, or it has ended. */
export function readTree(pid: number): TreeReading | undefined {
  const stats = statsOf(pid, 0);
  if (stats.length === 0) return undefined;
  return {
    pids: stats.map((stat) => stat.pid),
    memoryBytes: stats.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
    ownSeconds: new Map(stats.map((stat) => [`${stat.pid} ${stat.startTicks}`, stat.ownSeconds])),
    totalSeconds: stats.reduce((sum, { ownSeconds, endedSeconds }) => sum + ownSeconds + endedSeconds, 0),
  };
}

/**
 * Gives the CPU cores that a tree of processes has used from one reading to the next, `seconds` apart. A child that ends leaves its
 * time to who waits for it, so that the total goes on; where nobody does, or a process between is gone, the total falls, and
 * what the processes of both readings have used is still known.
 */
export function coresUsed(before: TreeReading, after: TreeReading, seconds: number): number {
  if (seconds <= 0) return 0;
  const total = after.totalSeconds - before.totalSeconds;
  let known = 0;
  for (const [key, own] of after.ownSeconds) {
    const earlier = before.ownSeconds.get(key);
    if (earlier !== undefined) known += own - earlier;
  }
  return Math.max(0, total, known) / seconds;
}

/** What /proc/PID/stat tells of one process. */
export interface ProcessStat {
  readonly ownSeconds: number;
  readonly endedSeconds: number;
  readonly startTicks: string;
  readonly rssBytes: number;
}

/** Parses /proc/PID/stat (proc_pid_stat(5)): the name in its second field may hold blanks and brackets. Undefined when it is none. */
export function parseStat(text: string): ProcessStat | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // The first field here is the third one of the manual.
  const numberAt = (field: number): number => Number(fields[field - 3]);
  const seconds = (first: number, second: number): number => (numberAt(first) + numberAt(second)) / TICKS_PER_SECOND;
  const stat = {
    ownSeconds: seconds(14, 15),
    endedSeconds: seconds(16, 17),
    startTicks: fields[22 - 3] ?? '',
    rssBytes: numberAt(24) * PAGE_BYTES,
  };
  return Number.isFinite(stat.ownSeconds + stat.endedSeconds + stat.rssBytes) ? stat : undefined;
}

function statsOf(pid: number, depth: number): readonly (ProcessStat & { readonly pid: number })[] {
  try {
    const stat = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    if (stat === undefined) return [];
    const children = depth >= DEEPEST ? [] : childrenOf(pid);
    return [{ ...stat, pid }, ...children.flatMap((child) => statsOf(child, depth + 1))];
  } catch {
    return []; // it has ended, or this is no Linux
  }
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return []; // a kernel without the list
  }
}

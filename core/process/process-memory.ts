import { readFileSync } from 'node:fs';

/** Size of the pages that /proc counts in; 4 KiB on every machine that Node's releases run on, but for some of ARM. */
const PAGE_BYTES = 4096;
/** Deeper trees of processes are not followed. */
const DEEPEST = 4;

/** Gives the resident memory of a process and all that it has started, in bytes; undefined where the system does not tell. */
export function residentBytes(pid: number, depth = 0): number | undefined {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    if (!Number.isFinite(pages)) return undefined;
    const children = depth >= DEEPEST ? [] : childrenOf(pid);
    return children.reduce((sum, child) => sum + (residentBytes(child, depth + 1) ?? 0), pages * PAGE_BYTES);
  } catch {
    return undefined; // it has ended, or this is no Linux
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

import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessInfo {
  readonly pid: number;
  readonly parentPid: number;
  readonly command: string;
}

/** Gives the live processes whose command line or environment holds `text`, this one excepted (Linux: reads /proc). */
export function processesWith(text: string): ProcessInfo[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const environment = readFileSync(`/proc/${name}/environ`, 'utf8');
        if (command === '' || !(command.includes(text) || environment.includes(text))) return [];
        return [{ pid: Number(name), parentPid: parentOf(readFileSync(`/proc/${name}/stat`, 'utf8')), command }];
      } catch {
        return []; // It ended while we looked, or is not ours to see.
      }
    });
}

/** The 4th field of /proc/<pid>/stat; the 2nd, in brackets, may itself hold spaces and brackets. */
function parentOf(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** Gives the resident memory of a process in bytes; undefined when it is gone. */
export function rssOf(pid: number): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}

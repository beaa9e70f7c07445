import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A process that takes commands and gives answers, a line each. */
export interface LineProcess {
  readonly pid: number;
  /** Gives the next answer. Rejects when the process has ended. */
  next(): Promise<Record<string, unknown>>;
  send(line: string): void;
  /** Resident memory, and its highest, in bytes. */
  memory(): { readonly nowBytes: number; readonly highestBytes: number };
  /** Processor time so far, in milliseconds. */
  cpuMs(): number;
  close(): Promise<void>;
}

/** Clock ticks a second, in which Linux counts processor time. */
const TICKS = 100;

export function startLineProcess(command: string, args: readonly string[]): LineProcess {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const exited = once(child, 'exit');
  const pid = child.pid ?? 0;
  const status = (field: string): number => {
    const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(line?.[1] ?? 0) * 1024;
  };
  return {
    pid,
    next: async () => {
      const line = await lines.next();
      if (line.done === true) throw new Error(`${command} has ended`);
      return JSON.parse(line.value) as Record<string, unknown>;
    },
    send: (line) => {
      child.stdin.write(`${line}\n`);
    },
    memory: () => ({ nowBytes: status('VmRSS'), highestBytes: status('VmHWM') }),
    cpuMs: () => {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS;
    },
    close: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

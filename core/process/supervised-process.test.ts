import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { systemClock } from '../clock.ts';
import { silentLogger } from '../logging.ts';
import { openLogFile } from './log-file.ts';
import { startProcess, type ProcessOptions, type SupervisedProcess } from './supervised-process.ts';

let dir: string;
let started: SupervisedProcess[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'frontier-process-'));
  started = [];
});
afterEach(async () => {
  await Promise.all(started.map((child) => child.stop(0)));
  rmSync(dir, { recursive: true });
});

/** Runs `script` in Node. */
function run(script: string, options: Partial<ProcessOptions> = {}): SupervisedProcess {
  const child = startProcess({
    name: 'probe',
    command: process.execPath,
    args: ['-e', script],
    env: { PATH: process.env['PATH'] },
    cwd: dir,
    ipc: false,
    log: silentLogger,
    clock: systemClock,
    ...options,
  });
  started.push(child);
  return child;
}

function isAlive(pid: number): boolean {
  try {
    // A zombie that nobody has reaped yet still answers signal 0; its state says so.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(condition: () => boolean, timeoutMs = 8000): Promise<void> {
  const limit = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > limit) throw new Error('the condition did not come true in time');
    await systemClock.sleep(10);
  }
}

const IDLE = 'setInterval(() => {}, 1000);';

describe('a supervised process', () => {
  test('is ready with the ports of its IPC message', async () => {
    const child = run(`process.send({type: 'ready', ports: {grpc: 7, admin: 9}}); ${IDLE}`, { ipc: true });
    await expect(child.ready).resolves.toEqual({ grpc: 7, admin: 9 });
  });

  test('passes over IPC messages that are not ready messages', async () => {
    const script = `for (const m of [null, 'ready', {type: 'ready'}, {type: 'ready', ports: null}]) process.send(m);
      process.send({type: 'ready', ports: {grpc: 1, text: 'x'}}); ${IDLE}`;
    await expect(run(script, { ipc: true }).ready).resolves.toEqual({ grpc: 1 });
  });

  test('without IPC is ready once it runs', async () => {
    await expect(run(IDLE).ready).resolves.toEqual({});
  });

  test('that ends before it is ready says why, with the last lines of stderr', async () => {
    const child = run('console.error("no such model"); process.exit(78)', { ipc: true });
    await expect(child.ready).rejects.toMatchObject({
      reason: 'SERVICE_UNAVAILABLE',
      message: 'probe ended with code 78: no such model',
    });
    await expect(child.exited).resolves.toEqual({ code: 78, signal: null });
  });

  test('that does not exist gives an error which names the command and the fix', async () => {
    const child = run('', { command: 'frontier-no-such-program' });
    await expect(child.ready).rejects.toMatchObject({ reason: 'DEPENDENCY_MISSING' });
    await expect(child.ready).rejects.toThrow(/"frontier-no-such-program" \(ENOENT\); install it/);
    await expect(child.exited).resolves.toEqual({ code: null, signal: null });
    await child.stop(0);
  });

  test('that may not be executed gives an error which says so', async () => {
    const child = run('', { command: join(import.meta.dirname, 'supervised-process.test.ts') });
    await expect(child.ready).rejects.toThrow(/\(EACCES\); make it executable/);
  });

  test('stops on SIGTERM, with what its handler does', async () => {
    const child = run(`process.on('SIGTERM', () => process.exit(5)); console.log('up'); ${IDLE}`, {
      onLine: () => {
        up = true;
      },
    });
    let up = false;
    await until(() => up);
    await child.stop(5000);
    await expect(child.exited).resolves.toEqual({ code: 5, signal: null });
  });

  test('that ignores SIGTERM is killed after the grace time', async () => {
    let up = false;
    const child = run(`process.on('SIGTERM', () => {}); console.log('up'); ${IDLE}`, {
      onLine: () => {
        up = true;
      },
    });
    await until(() => up);
    await child.stop(50);
    await expect(child.exited).resolves.toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('takes along what it started, even when it dies by itself', async () => {
    let line = '';
    const script = `const c = require('node:child_process').spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"]);
      process.on('SIGUSR2', () => process.exit(3)); console.log(c.pid); ${IDLE}`;
    const child = run(script, {
      onLine: (text) => {
        line = text;
      },
    });
    await until(() => line !== '');
    const grandchild = Number(line.replace('[probe] ', ''));
    expect(isAlive(grandchild)).toBe(true);
    process.kill(child.pid!, 'SIGUSR2');
    await expect(child.exited).resolves.toEqual({ code: 3, signal: null });
    await until(() => !isAlive(grandchild));
  });

  test('prefixes its output, keeps it in the log file, and masks secrets', async () => {
    const logFile = openLogFile(join(dir, 'logs', 'probe.log'));
    const lines: string[] = [];
    const child = run('console.log("a s3cret b"); console.error("warned"); process.stdout.write("no newline")', {
      logFile,
      secrets: ['s3cret', ''],
      onLine: (line, source) => lines.push(`${source} ${line}`),
    });
    await child.exited;
    logFile.close();
    const expected = ['stderr [probe] warned', 'stdout [probe] a [redacted] b', 'stdout [probe] no newline'];
    expect(lines.sort()).toEqual(expected);
    const kept = readFileSync(logFile.path, 'utf8').trimEnd().split('\n');
    expect(kept.sort()).toEqual(expected.map((line) => line.slice(7)).sort());
    expect(child.stderrTail()).toEqual(['warned']);
  });

  test('keeps only the last 20 lines of stderr', async () => {
    const child = run('for (let i = 0; i < 100; i += 1) console.error(i)');
    await child.exited;
    expect(child.stderrTail()).toEqual(Array.from({ length: 20 }, (_, index) => String(80 + index)));
  });
});

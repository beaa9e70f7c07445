import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { expect, test } from '@jest/globals';

import { systemClock } from '../clock.ts';

/** A parent that starts a guarded program which itself has a child and would outlive it, and prints both ids. */
const PARENT = `
import { createOrphanGuard } from './orphan-guard.ts';
import { startProcess } from './supervised-process.ts';
import { silentLogger } from '../logging.ts';
import { systemClock } from '../clock.ts';
const guard = createOrphanGuard({ log: silentLogger });
const program = "const c = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);" +
  "console.log(process.pid + ' ' + c.pid); setInterval(() => {}, 1000)";
startProcess({ name: 'p', command: process.execPath, args: ['-e', program], env: {}, cwd: '.', ipc: false,
  log: silentLogger, clock: systemClock, guard, onLine: (line) => console.log(line.slice(4)) });
process.on('SIGUSR2', () => { guard.close(); });
`;

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function startParent(): Promise<{ parent: ReturnType<typeof spawn>; pids: number[] }> {
  const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', PARENT], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(parent.stdout), 'line')) as [string];
  return { parent, pids: line.split(' ').map(Number) };
}

async function until(condition: () => boolean): Promise<boolean> {
  const limit = Date.now() + 8000;
  while (!condition() && Date.now() < limit) await systemClock.sleep(20);
  return condition();
}

test('when the parent is killed, the program and its children end', async () => {
  const { parent, pids } = await startParent();
  expect(pids.map(isAlive)).toEqual([true, true]);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  expect(await until(() => !pids.some(isAlive))).toBe(true);
});

test('after close the guard lets go', async () => {
  const { parent, pids } = await startParent();
  parent.kill('SIGUSR2');
  // The guard's end shows that it has handled the close; only then is the parent taken away.
  const guardOf = (): string => readFileSync(`/proc/${String(parent.pid)}/task/${String(parent.pid)}/children`, 'utf8');
  expect(await until(() => guardOf().trim().split(' ').length === 1)).toBe(true);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  expect(pids.map(isAlive)).toEqual([true, true]);
  process.kill(-pids[0]!, 'SIGKILL');
  expect(await until(() => !pids.some(isAlive))).toBe(true);
});

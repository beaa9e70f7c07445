import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { expect, test } from '@jest/globals';

import { residentBytes } from './process-memory.ts';

test('counts a process with what it has started, and tells nothing of one that is gone', async () => {
  const script = "const b = Buffer.alloc(64 << 20, 1); console.log('up'); setInterval(() => b[0]++, 1000)";
  const child = spawn('/bin/sh', ['-c', '"$0" -e "$1"; exit', process.execPath, script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const exited = once(child, 'exit');
  try {
    await once(child.stdout, 'data');
    expect(residentBytes(child.pid!)).toBeGreaterThan(64 << 20);
  } finally {
    process.kill(-child.pid!, 'SIGKILL');
  }
  await exited;
  expect(residentBytes(child.pid!)).toBeUndefined();
});

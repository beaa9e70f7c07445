import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';

import { coresUsed, parseStat, readTree, type TreeReading } from './process-usage.ts';

/** Runs a script as a grandchild, so that only a look at the whole tree finds it. */
async function withTree(script: string, look: (pid: number) => Promise<void> | void): Promise<void> {
  const child = spawn('/bin/sh', ['-c', '"$0" -e "$1"; exit', process.execPath, script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const exited = once(child, 'exit');
  try {
    await once(child.stdout, 'data');
    await look(child.pid!);
  } finally {
    process.kill(-child.pid!, 'SIGKILL');
  }
  await exited;
  expect(readTree(child.pid!)).toBeUndefined();
}

test('counts the memory of a process with what it has started, and tells nothing of one that is gone', async () => {
  const script = "const b = Buffer.alloc(64 << 20, 1); console.log('up'); setInterval(() => b[0]++, 1000)";
  await withTree(script, (pid) => {
    expect(readTree(pid)?.memoryBytes).toBeGreaterThan(64 << 20);
  });
});

test('counts the CPU time of a process and of its children, while they run and after they have ended', async () => {
  const burn = "const until = Date.now() + 300; while (Date.now() < until); console.log('up')";
  const script = `const { spawnSync } = require('child_process');
    console.log('up'); spawnSync(process.execPath, ['-e', ${JSON.stringify(burn)}]); setInterval(() => 0, 1000)`;
  await withTree(script, async (pid) => {
    const before = readTree(pid)!;
    let after = before;
    while (after.totalSeconds - before.totalSeconds < 0.2 || after.pids.length > before.pids.length) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      after = readTree(pid)!;
    }
    expect(coresUsed(before, after, 1)).toBeGreaterThanOrEqual(0.2);
  });
});

describe('cores used', () => {
  /** A tree of processes as [pid, own seconds], with the seconds of those that have ended. */
  const reading = (own: Readonly<Record<string, number>>, endedSeconds = 0): TreeReading => {
    const seconds = Object.values(own).reduce((sum, value) => sum + value, 0);
    return {
      pids: Object.keys(own).map(Number),
      memoryBytes: 0,
      ownSeconds: new Map(Object.entries(own)),
      totalSeconds: seconds + endedSeconds,
    };
  };

  test.each([
    ['one process', { 1: 10 }, { 1: 11 }, 0, 0.5],
    ['a child that was started between', { 1: 10 }, { 1: 11, 2: 1 }, 0, 1],
    ['a child that has ended, and was waited for', { 1: 10, 2: 5 }, { 1: 11 }, 6, 1],
    ['a child that nobody waited for', { 1: 10, 2: 5 }, { 1: 11 }, 0, 0.5],
    ['another process with the same pid', { '2 100': 50 }, { '2 900': 1 }, 0, 0],
    ['nothing', { 1: 10 }, { 1: 10 }, 0, 0],
  ])('%s', (_name, before, after, ended, cores) => {
    expect(coresUsed(reading(before), reading(after, ended), 2)).toBe(cores);
  });

  it('are never negative, and never less than what who lives on has used', () => {
    const tree = fc.dictionary(fc.constantFrom('1', '2', '3'), fc.nat(100));
    fc.assert(
      fc.property(tree, tree, fc.nat(50), (first, second, ended) => {
        const cores = coresUsed(reading(first), reading(second, ended), 1);
        const both = Object.keys(second).filter((key) => key in first);
        const known = both.reduce((sum, key) => sum + second[key]! - first[key]!, 0);
        expect(cores).toBeGreaterThanOrEqual(Math.max(0, known));
      }),
    );
  });

  it('are none without time', () => {
    expect(coresUsed(reading({ 1: 1 }), reading({ 1: 2 }), 0)).toBe(0);
  });
});

test('a process may have any name', () => {
  const rest = 'S 1 1 1 0 -1 4194560 100 0 0 0 250 50 30 20 20 0 1 0 987 1000000 500 18446744073709551615';
  for (const name of ['node', 'a b) (c', ') 1 2 3 4'])
    expect(parseStat(`42 (${name}) ${rest}`)).toEqual({
      ownSeconds: 3,
      endedSeconds: 0.5,
      startTicks: '987',
      rssBytes: 500 * 4096,
    });
  expect(parseStat('')).toBeUndefined();
  expect(parseStat('42 (node) S 1')).toBeUndefined();
});

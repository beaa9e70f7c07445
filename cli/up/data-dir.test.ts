import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { takeDataDir } from './data-dir.ts';
import { readRunFile, removeRunFile, writeRunFile, type RunFile } from './run-file.ts';

let dir: string;
beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'frontier-up-')), 'data');
});
afterEach(() => {
  rmSync(join(dir, '..'), { recursive: true });
});

describe('a data directory', () => {
  it('is made for its owner alone, and given back', () => {
    const taken = takeDataDir(dir);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    taken.release();
    expect(readdirSync(dir)).not.toContain('up.pid');
  });

  it('left by a system that was killed is taken over', () => {
    takeDataDir(dir).release();
    writeFileSync(join(dir, 'up.pid'), '999999999');
    expect(() => takeDataDir(dir)).not.toThrow();
  });

  it('whose lock is damaged is taken over', () => {
    takeDataDir(dir).release();
    writeFileSync(join(dir, 'up.pid'), 'x');
    expect(() => takeDataDir(dir)).not.toThrow();
  });

  it('that cannot be made is a fault of the configuration', () => {
    writeFileSync(join(dir, '..', 'file'), '');
    expect(() => takeDataDir(join(dir, '..', 'file', 'data'))).toThrow(/cannot be written/);
  });
});

describe('run.json', () => {
  const run: RunFile = {
    pid: process.pid,
    mesh: 'envoy',
    endpoints: { http: 'http://127.0.0.1:1', grpc: '127.0.0.1:1' },
  };
  beforeEach(() => {
    takeDataDir(dir).release();
  });

  it('tells of a living system, to its owner alone', () => {
    writeRunFile(dir, run);
    expect(readRunFile(dir)).toEqual(run);
    expect(statSync(join(dir, 'run.json')).mode & 0o077).toBe(0);
  });

  it.each([
    ['of a dead system', JSON.stringify({ ...run, pid: 999_999_999 })],
    ['that is cut off', '{"pid": 1'],
    ['of another form', '{"pid": "x"}'],
  ])('%s tells nothing', (_what, content) => {
    writeFileSync(join(dir, 'run.json'), content);
    expect(readRunFile(dir)).toBeUndefined();
  });

  it('may be absent, and removed twice', () => {
    expect(readRunFile(dir)).toBeUndefined();
    removeRunFile(dir);
    removeRunFile(dir);
  });
});

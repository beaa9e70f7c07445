import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { openLogFile } from './log-file.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'frontier-log-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

test('keeps at most one old file of bounded size, and the newest lines', () => {
  const log = openLogFile(join(dir, 'a', 'b.log'), 100);
  for (let line = 0; line < 50; line += 1) log.writeLine(`line ${String(line).padStart(4, '0')}`);
  log.close();
  expect(statSync(log.path).size).toBeLessThanOrEqual(100);
  expect(statSync(`${log.path}.1`).size).toBeLessThanOrEqual(100);
  const kept = readFileSync(`${log.path}.1`, 'utf8') + readFileSync(log.path, 'utf8');
  expect(kept.endsWith('line 0048\nline 0049\n')).toBe(true);
});

test('goes on after an earlier run, counting what is there', () => {
  const path = join(dir, 'b.log');
  const first = openLogFile(path, 12);
  first.writeLine('first');
  first.close();
  const second = openLogFile(path, 12);
  second.writeLine('second');
  second.close();
  expect(readFileSync(path, 'utf8')).toBe('second\n');
  expect(readFileSync(`${path}.1`, 'utf8')).toBe('first\n');
});

test('a line after close is dropped', () => {
  const log = openLogFile(join(dir, 'c.log'));
  log.close();
  log.writeLine('late');
  expect(readFileSync(log.path, 'utf8')).toBe('');
});

test('others may not read it', () => {
  const log = openLogFile(join(dir, 'd.log'));
  log.close();
  expect(statSync(log.path).mode & 0o077).toBe(0);
});

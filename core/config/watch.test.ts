import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createManualClock, type ManualClock } from '../clock.ts';
import { createLogger, type Logger } from '../logging.ts';
import { loadConfig } from './load.ts';
import type { FrontierConfig } from './schema.ts';
import { watchConfig } from './watch.ts';

let folder: string;
let path: string;
let clock: ManualClock;
let stop: AbortController;
let changes: FrontierConfig[];
let lines: Record<string, unknown>[];

const write = (text: string): void => {
  writeFileSync(path, text);
};
const edgePorts = (): number[] => changes.map((config) => config.orchestration.network.ports.edge);
const withEdge = (port: number): string => `orchestration: { network: { ports: { edge: ${port} } } }\n`;

function recordingLogger(): Logger {
  const destination = { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) };
  return createLogger({ service: 'test', level: 'info', destination });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'frontier-watch-'));
  path = join(folder, 'orchestration-config.yaml');
  clock = createManualClock();
  stop = new AbortController();
  changes = [];
  lines = [];
  write(withEdge(1001));
  const onChange = (config: FrontierConfig): void => {
    changes.push(config);
  };
  watchConfig(loadConfig({ path }), {
    path,
    clock,
    onChange,
    log: recordingLogger(),
    signal: stop.signal,
    intervalMs: 100,
  });
});
afterEach(() => {
  stop.abort();
  rmSync(folder, { recursive: true });
});

test('a change is taken up once two looks agree', async () => {
  write(withEdge(1002));
  await clock.advance(100);
  expect(edgePorts()).toEqual([]);
  await clock.advance(100);
  expect(edgePorts()).toEqual([1002]);
  await clock.advance(1000);
  expect(edgePorts()).toEqual([1002]);
});

test('a bad change is logged with its faults and the last good one stays, until it is mended', async () => {
  write('orchestration: { rooter: {}, network: { ports: { edge: -1 } } }\n');
  await clock.advance(500);
  expect(changes).toEqual([]);
  expect(lines.map((line) => line['event'])).toEqual(['config_rejected']);
  expect(lines[0]!['faults']).toHaveLength(2);
  write(withEdge(1003));
  await clock.advance(200);
  expect(edgePorts()).toEqual([1003]);
});

test('a modules folder that appears later is seen', async () => {
  mkdirSync(join(folder, 'modules'));
  writeFileSync(join(folder, 'modules', 'foundation.yaml'), 'module_id: foundation\nworkload: { command: [x] }\n');
  await clock.advance(200);
  expect(changes.map((config) => config.modules.length)).toEqual([1]);
});

test('a file that is written anew with the same meaning changes nothing', async () => {
  write(`# a comment\n${withEdge(1001)}`);
  await clock.advance(500);
  expect(changes).toEqual([]);
  expect(lines).toEqual([]);
});

test('nothing is taken up after the end', async () => {
  stop.abort();
  write(withEdge(1004));
  await clock.advance(500);
  expect(changes).toEqual([]);
});

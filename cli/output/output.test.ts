import { describe, expect, it } from '@jest/globals';
import { FrontierError } from '../../core/errors.ts';
import { StreamRouteResponse } from '../../gen/frontier/router/v1/router.ts';
import { createAnswerView } from './answer-view.ts';
import { describeFailure, exitCodeOf } from './failure.ts';
import { consoleLine } from './log-line.ts';
import { paintFor, plain } from './paint.ts';
import { table } from './table.ts';
import { usageText } from './usage-text.ts';
import type { ModuleBody } from '../client/status-body.ts';

describe('colours', () => {
  it('are for terminals, unless NO_COLOR is set', () => {
    expect(paintFor({ isTTY: true }, {})('red', 'x')).toContain('\x1b[');
    expect(paintFor({ isTTY: true }, { NO_COLOR: '1' })('red', 'x')).toBe('x');
    expect(paintFor({}, {})('red', 'x')).toBe('x');
  });
});

it('a table aligns its columns and leaves no space at a line end', () => {
  expect(
    table([
      ['a', 'bbb', 'c'],
      ['aaa', 'b'],
    ]),
  ).toEqual(['a    bbb  c', 'aaa  b']);
});

describe('what a module uses', () => {
  const MIB = 2 ** 20;
  const replica = { replica_id: 'a-1', state: 'READY', restarts: 0 };
  const gpu = { memory_bytes: 9 * 1024 * MIB, device_memory_bytes: 24 * 1024 * MIB };
  it.each([
    ['-', [replica], undefined],
    ['-', [], { cpu_cores: 1 }],
    ['0.48/0.5 cores', [{ ...replica, cpu_cores: 0.48 }], { cpu_cores: 0.5 }],
    ['1.50 cores, 120 MiB', [{ ...replica, cpu_cores: 1.5, memory_bytes: 120 * MIB }], undefined],
    ['120/512 MiB', [{ ...replica, memory_bytes: 120 * MIB }], { memory_bytes: 512 * MIB }],
    ['0.5/2 GiB', [1, 2].map(() => ({ ...replica, memory_bytes: 256 * MIB })), { memory_bytes: 1024 * MIB }],
    ['9/24 GiB of GPU', [{ ...replica, gpu }], undefined],
  ])('is shown as %s', (text, replicas, limits) => {
    expect(usageText({ replicas, resource_limits: limits } as unknown as ModuleBody)).toBe(text);
  });
});

describe('the console', () => {
  const line = (record: object): string | undefined => consoleLine('loader', JSON.stringify(record), plain);
  it.each([
    [{ level: 'info', event: 'node_connected' }, undefined],
    [
      {
        level: 'info',
        time: '2026-01-01T10:20:30.000Z',
        service: 'loader',
        event: 'module_state',
        module: 'm',
        state: 'READY',
      },
      '10:20:30 loader module_state module=m state=READY',
    ],
    [
      { level: 'warn', time: '2026-01-01T10:20:30.000Z', event: 'loader_lost', error: 'gone' },
      '10:20:30 loader warn loader_lost gone',
    ],
    [
      { level: 'error', time: '2026-01-01T10:20:30.000Z', msg: 'failed', err: { message: 'why', stack: 's' } },
      '10:20:30 loader error failed why',
    ],
  ])('of %j shows %s', (record, expected) => {
    expect(line(record)).toBe(expected);
  });

  it('shows what is not JSON as it is', () => {
    expect(consoleLine('envoy', 'panic', plain)).toBe('envoy panic');
    expect(consoleLine('envoy', '{broken', plain)).toBe('envoy {broken');
    expect(consoleLine('envoy', '  ', plain)).toBeUndefined();
  });
});

describe('a failure', () => {
  it('says the reason and what to do', () => {
    const text = describeFailure(new FrontierError('EMPTY_QUERY', 'there is no query'), plain);
    expect(text).toBe(
      'error there is no query [EMPTY_QUERY]\n  try: give a query: frontier route "Why is the sky blue?"',
    );
  });

  it.each([
    ['CONFIG_INVALID', 78],
    ['EMPTY_QUERY', 2],
    ['SERVICE_UNAVAILABLE', 1],
  ] as const)('%s ends with %i', (reason, code) => {
    expect(exitCodeOf(new FrontierError(reason, 'x'))).toBe(code);
  });
});

describe('a streamed answer', () => {
  const shown = (...events: object[]): { content: string; notes: string[] } => {
    const notes: string[] = [];
    let content = '';
    const view = createAnswerView(
      { content: (text) => (content += text), notes: (note) => notes.push(note) },
      plain,
      () => 0,
    );
    for (const event of events) view.take(StreamRouteResponse.fromJSON(event));
    view.end();
    return { content, notes };
  };
  const done = {
    done: { content: 'Hi', confidenceScore: 0.5, moduleUsed: 'm', processingTime: 1, metadata: { tokenCount: 1 } },
  };

  it('is written as it comes, and ended once', () => {
    expect(shown({ token: { text: 'H' } }, { token: { text: 'i' } }, done)).toEqual({
      content: 'Hi\n',
      notes: ['m · confidence 0.50 · 1 tokens · 1.00 s · cost 0'],
    });
  });

  it('that came whole is written whole', () => {
    expect(shown(done).content).toBe('Hi\n');
  });

  it('marks text that counts no more', () => {
    const failed = { attemptFailed: { moduleId: 'a', reason: 'STREAM_BROKEN', discard: true } };
    const { content, notes } = shown(
      { token: { text: 'bad' } },
      failed,
      { fallback: { fromModuleId: 'a', toModuleId: 'm' } },
      done,
    );
    expect(content).toBe('bad\nHi\n');
    expect(notes.slice(0, 2)).toEqual(['a failed: STREAM_BROKEN; the text above is discarded', 'a → m']);
  });

  it('shows each stage of a start once where lines cannot be replaced', () => {
    const warming = (progress: number): object => ({ warming: { moduleId: 'm', progress, stage: 'starting' } });
    expect(shown(warming(0), warming(0.5), done).notes[0]).toBe('starting m 0 % starting');
    expect(shown(warming(0), warming(0.5), done).notes).toHaveLength(2);
  });

  it('that broke leaves no open line', () => {
    expect(shown({ token: { text: 'half' } }).content).toBe('half\n');
  });
});

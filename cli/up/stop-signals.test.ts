import { EventEmitter } from 'node:events';
import { expect, it } from '@jest/globals';
import { createManualClock } from '../../core/clock.ts';
import { listenForStop, type SignalSource } from './stop-signals.ts';

it.each([
  [[['SIGINT', 0]], 'stop'],
  [[['disconnect', 0]], 'stop'],
  [
    [
      ['SIGINT', 0],
      ['SIGINT', 20],
    ],
    'stop',
  ],
  [
    [
      ['SIGTERM', 0],
      ['SIGTERM', 5_000],
      ['disconnect', 10],
    ],
    'stop',
  ],
  [
    [
      ['SIGINT', 0],
      ['SIGINT', 900],
    ],
    'stop, at once',
  ],
  [
    [
      ['SIGTERM', 0],
      ['SIGINT', 900],
    ],
    'stop, at once',
  ],
] as [[string, number][], string][])('%j → %s', async (signals, expected) => {
  const source = new EventEmitter();
  const clock = createManualClock();
  const wishes: string[] = [];
  const unlisten = listenForStop(
    source as unknown as SignalSource,
    clock,
    () => wishes.push('stop'),
    () => wishes.push('at once'),
  );
  for (const [signal, afterMs] of signals) {
    await clock.advance(afterMs);
    source.emit(signal, signal);
  }
  expect(wishes.join(', ')).toBe(expected);
  unlisten();
  expect(source.eventNames()).toEqual([]);
});

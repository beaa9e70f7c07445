import type { Duration } from '../gen/google/protobuf/duration.ts';

/** Gives a protobuf duration in milliseconds. */
export function millisecondsOf({ seconds, nanos }: Duration): number {
  return seconds * 1000 + nanos / 1e6;
}

/** Gives milliseconds as a protobuf duration. */
export function durationOf(milliseconds: number): Duration {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nanos: Math.round((milliseconds - seconds * 1000) * 1e6) };
}

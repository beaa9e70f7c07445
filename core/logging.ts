import { pino } from 'pino';
import type { DestinationStream, Level, Logger } from 'pino';

export type { Logger } from 'pino';
export type LogLevel = Level | 'silent';

/** Where secrets may stand in what is logged; pino replaces their values. */
const REDACTED_PATHS = [
  'authorization',
  'token',
  'joinToken',
  'apiKey',
  'api_key',
  'password',
  'privateKey',
  'private_key',
  'secret',
  'cookie',
].flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);

export interface LoggerOptions {
  /** Service name, e.g. "router"; in every line. */
  readonly service: string;
  readonly level: LogLevel;
  /** More fields for every line. */
  readonly bindings?: Readonly<Record<string, string>>;
  /** Where lines go; stdout when left out. */
  readonly destination?: DestinationStream;
}

/** Gives a logger that writes one JSON object a line, with secrets redacted. */
export function createLogger({ service, level, bindings = {}, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service, ...bindings },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
  };
  // Synchronous: pino's default flushes at exit, and that never ends when the reader of stdout is gone (sonic-boom tries
  // EPIPE again for ever), so a process whose parent was killed would stay.
  return pino(options, destination ?? pino.destination({ dest: 1, sync: true }));
}

/** A logger that says nothing; for tests and library use. */
export const silentLogger: Logger = pino({ level: 'silent' });

import type { Paint } from './paint.ts';

/** Info events that are worth a line on the console; all others are in the log files only. */
const STATE_CHANGES = new Set(['module_state']);
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
/** Fields that say nothing to somebody who watches the console. */
const HIDDEN = new Set(['level', 'time', 'service', 'event', 'msg', 'pid', 'traceId', 'trace_id', 'err', 'error']);

/**
 * Gives a service's log line as people read it, undefined when it is not for the console: shown are warnings and worse,
 * and changes of modules' states. A line that is not JSON (a crash, a foreign program) is shown as it is.
 */
export function consoleLine(service: string, line: string, paint: Paint): string | undefined {
  const record = parseRecord(line);
  if (record === undefined) return line.trim() === '' ? undefined : `${paint('dim', service)} ${line}`;
  const level = textOf(record['level']) || 'info';
  const event = textOf(record['event']) || textOf(record['msg']);
  if (LEVELS.indexOf(level) < LEVELS.indexOf('warn') && !STATE_CHANGES.has(event)) return undefined;
  const time = textOf(record['time']).slice(11, 19);
  const mark = level === 'warn' ? paint('yellow', 'warn ') : level === 'info' ? '' : paint('red', `${level} `);
  return [paint('dim', `${time} ${textOf(record['service']) || service}`), `${mark}${event}`, details(record)]
    .filter((part) => part !== '')
    .join(' ');
}

function details(record: Record<string, unknown>): string {
  const fields = Object.entries(record)
    .filter(([key, value]) => !HIDDEN.has(key) && value !== null && value !== '')
    .map(([key, value]) => `${key}=${textOf(value)}`);
  const error = record['error'] ?? record['err'];
  const message = isRecord(error) ? error['message'] : error;
  return [...fields, ...(message === undefined ? [] : [textOf(message)])].join(' ');
}

function parseRecord(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined ? '' : JSON.stringify(value);
}

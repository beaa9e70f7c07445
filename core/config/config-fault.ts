import { FrontierError } from '../errors.ts';

/** Keys and indexes from the top of a document down to a value. */
export type ConfigPath = readonly (string | number)[];

/** A place in a file; lines and columns count from 1. For an environment variable `file` is its name. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong with the configuration. */
export interface ConfigFault extends Position {
  /** E.g. `orchestration.network.ports.edge`; empty for the document as a whole. */
  readonly path: string;
  readonly message: string;
}

/** Gives a path as people write it: `security.api_keys[0].hash`. */
export function formatPath(path: ConfigPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

/** Gives one line: `file:line:column: path: message`. */
export function formatFault({ file, line, column, path, message }: ConfigFault): string {
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`;
}

/** The configuration cannot be used. The message lists every fault, one a line, in the order of files and lines. */
export class ConfigError extends FrontierError {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const sorted = [...faults].sort(byPosition);
    const count = sorted.length === 1 ? '1 fault' : `${sorted.length} faults`;
    super('CONFIG_INVALID', [`the configuration has ${count}:`, ...sorted.map(formatFault)].join('\n'), {
      metadata: { faults: String(sorted.length) },
    });
    this.name = 'ConfigError';
    this.faults = sorted;
  }
}

function byPosition(a: ConfigFault, b: ConfigFault): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column;
}

import { FrontierError } from '../../core/errors.ts';
import { readRunFile } from '../up/run-file.ts';
import { loadWith } from '../up/settings.ts';

/** Flags by which a command finds the system. */
export interface TargetFlags {
  readonly url?: string;
  readonly apiKey?: string;
  readonly config?: string;
}

/** Where a system is reached. */
export interface Target {
  /** HTTP API, without a slash at its end. */
  readonly url: string;
  /** RouterService, as host:port. */
  readonly grpcAddress: string;
  /** Whether gRPC goes over TLS. */
  readonly isTls: boolean;
  readonly apiKey: string | undefined;
}

const DEFAULT_URL = 'http://localhost:8000';

/** Finds the system: --url or FRONTIER_URL, else the one running on the configured data directory, else localhost:8000. */
export function findTarget(flags: TargetFlags, env: NodeJS.ProcessEnv = process.env): Target {
  const apiKey = flags.apiKey ?? env['FRONTIER_API_KEY'];
  const named = flags.url ?? env['FRONTIER_URL'];
  const run = named === undefined || named === '' ? runningSystem(flags, env) : undefined;
  if (run !== undefined) {
    return { url: run.endpoints.http, grpcAddress: run.endpoints.grpc, isTls: false, apiKey };
  }
  const url = parseUrl(named === undefined || named === '' ? DEFAULT_URL : named);
  const isTls = url.protocol === 'https:';
  const port = url.port === '' ? (isTls ? '443' : '80') : url.port;
  return { url: url.href.replace(/\/+$/, ''), grpcAddress: `${url.hostname}:${port}`, isTls, apiKey };
}

function runningSystem(flags: TargetFlags, env: NodeJS.ProcessEnv): ReturnType<typeof readRunFile> {
  try {
    return readRunFile(loadWith(flags.config, env).dataDir);
  } catch {
    // A configuration that is not valid tells no data directory; `frontier config check` says what is wrong with it.
    return undefined;
  }
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new FrontierError('INVALID_FIELD', `"${text}" is not an address like http://localhost:8000`, {
      metadata: { field: 'url' },
    });
  }
  return url;
}

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const runFileSchema = z.object({
  pid: z.int().positive(),
  mesh: z.enum(['envoy', 'proxyless', 'istio']),
  endpoints: z.object({
    /** HTTP API, e.g. "http://127.0.0.1:8000". */
    http: z.string(),
    /** RouterService, as host:port. */
    grpc: z.string(),
    /** Control plane, as host:port; left out by earlier releases. */
    control_plane: z.string().optional(),
  }),
});

/** What a running system tells the other commands about itself, in `<data_dir>/run.json`. */
export type RunFile = z.output<typeof runFileSchema>;

function pathOf(dataDir: string): string {
  return join(dataDir, 'run.json');
}

/** Writes the file whole or not at all, for its owner alone. */
export function writeRunFile(dataDir: string, content: RunFile): void {
  const temporary = `${pathOf(dataDir)}.${content.pid}`;
  writeFileSync(temporary, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, pathOf(dataDir));
}

/** Gives what a running system wrote; undefined when none runs, or its file is not readable. */
export function readRunFile(dataDir: string): RunFile | undefined {
  try {
    const content = runFileSchema.parse(JSON.parse(readFileSync(pathOf(dataDir), 'utf8')));
    return isAlive(content.pid) ? content : undefined;
  } catch {
    return undefined;
  }
}

export function removeRunFile(dataDir: string): void {
  rmSync(pathOf(dataDir), { force: true });
}

/** Tells whether a process exists, also when it is another user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

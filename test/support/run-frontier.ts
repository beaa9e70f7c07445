import { join } from 'node:path';
import { REPOSITORY } from './frontier.ts';
import { startPart } from './process.ts';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a `frontier` command that ends by itself and gives its exit code and output. */
export async function runFrontier(args: readonly string[], env: Record<string, string> = {}): Promise<Finished> {
  const part = await startPart({ command: process.execPath, args: [join(REPOSITORY, 'cli', 'main.ts'), ...args], env });
  const { code } = await part.exited;
  return { code, stdout: part.stdout(), stderr: part.stderr() };
}

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const MODULE = path.join(import.meta.dirname, 'go-control-plane');

/** The programs of the Go module, by the folder of their sources: the benchmark's, and the one that checks resources. */
const PROGRAMS = { 'xds-bench': '.', 'xds-validate': 'validate' } as const;

export type GoProgram = keyof typeof PROGRAMS;

/** Gives where a Go program is, or would be, built: by its sources, outside the checkout. */
export function goProgramPath(name: GoProgram): string {
  const hash = createHash('sha256');
  const folder = path.join(MODULE, PROGRAMS[name]);
  const sources = readdirSync(folder).filter((file) => file.endsWith('.go'));
  const files = [...sources.map((file) => path.join(folder, file)), path.join(MODULE, 'go.sum')];
  for (const file of files.sort()) hash.update(path.basename(file)).update(readFileSync(file));
  const lab = process.env['FRONTIER_LAB_DIR'] ?? path.join(homedir(), '.cache', 'frontier-lab');
  return path.join(lab, 'bench', `${name}-${hash.digest('hex').slice(0, 12)}`);
}

/** Gives the path of a Go program, built once for its sources. Needs Go. */
export async function buildGoProgram(name: GoProgram, onProgress: (text: string) => void): Promise<string> {
  const binary = goProgramPath(name);
  if (existsSync(binary)) return binary;
  onProgress(`building ${name} (needs Go) …`);
  mkdirSync(path.dirname(binary), { recursive: true });
  const part = `${binary}.${process.pid}`;
  await promisify(execFile)('go', ['build', '-o', part, `./${PROGRAMS[name]}`], { cwd: MODULE });
  renameSync(part, binary);
  return binary;
}

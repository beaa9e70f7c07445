import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const SOURCE = path.join(import.meta.dirname, 'go-control-plane');

/** Gives the path of the Go program (go-control-plane/), built once for its sources and kept outside the checkout. */
export async function buildGoProgram(onProgress: (text: string) => void): Promise<string> {
  const hash = createHash('sha256');
  for (const file of readdirSync(SOURCE).sort()) hash.update(file).update(readFileSync(path.join(SOURCE, file)));
  const lab = process.env['FRONTIER_LAB_DIR'] ?? path.join(homedir(), '.cache', 'frontier-lab');
  const binary = path.join(lab, 'bench', `xds-bench-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(binary)) return binary;
  onProgress('building the go-control-plane server (needs Go) …');
  mkdirSync(path.dirname(binary), { recursive: true });
  const part = `${binary}.${process.pid}`;
  await promisify(execFile)('go', ['build', '-o', part, '.'], { cwd: SOURCE });
  renameSync(part, binary);
  return binary;
}

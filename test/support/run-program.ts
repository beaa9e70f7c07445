import { spawn } from 'node:child_process';

/** Runs a program and gives its output; throws with the end of what it wrote when it fails. */
export type Run = (
  command: string,
  args: readonly string[],
  options?: { cwd?: string; env?: Record<string, string> },
) => Promise<string>;

export const runProgram: Run = (command, args, options = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let stdout = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-4_000);
    };
    child.stdout.on('data', (chunk: Buffer) => {
      stdout = (stdout + chunk.toString()).slice(-100_000);
      keep(chunk);
    });
    child.stderr.on('data', keep);
    child.once('error', (error) => {
      reject(new Error(`${command}: ${error.message}`));
    });
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${command} ${args.join(' ')} ended with ${String(code)}:\n${output.trim()}`));
    });
  });

import { execFile } from 'node:child_process';
import { requirePart } from './require-part.ts';

export interface GrpcurlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real grpcurl, plain text, with the arguments given; bounded to a minute. Never rejects: the caller reads `code`. */
export function grpcurl(...args: string[]): Promise<GrpcurlResult> {
  const path = requirePart('grpcurl');
  return new Promise((resolve) => {
    execFile(path, ['-plaintext', ...args], { timeout: 60_000, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** Gives the JSON values that grpcurl printed one after another, as it does for a stream. */
export function jsonValues(stdout: string): unknown[] {
  const texts = stdout.split(/(?<=^\})\n/m).filter((text) => text.trim() !== '');
  return texts.map((text) => JSON.parse(text) as unknown);
}

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { matchesIntegrity, packagesFor, platformKey } from './install.mjs';

const manifest = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')) as {
  dependencies: Record<string, string>;
  platformPackages: Record<string, Record<string, { version: string; integrity?: string }>>;
};

describe('installer of the model runtimes', () => {
  it('tells musl from glibc, which the binaries need', () => {
    expect(platformKey('linux', 'x64', true)).toBe('linux-musl-x64');
    expect(platformKey('linux', 'x64', false)).toBe('linux-x64');
    expect(platformKey('darwin', 'arm64', false)).toBe('darwin-arm64');
  });

  it('says what to do on a platform without binaries, and ends with 3', () => {
    expect(() => packagesFor(manifest, 'sunos-x64')).toThrow(
      expect.objectContaining({ exitCode: 3, message: expect.stringContaining('OpenAI-compatible') }),
    );
  });

  it('has the binaries of the very runtime version that is installed', () => {
    for (const packages of Object.values(manifest.platformPackages)) {
      const llama = Object.entries(packages).find(([name]) => name.startsWith('@node-llama-cpp/'));
      expect(llama?.[1].version).toBe(manifest.dependencies['node-llama-cpp']);
    }
  });

  it('accepts the named bytes alone', () => {
    const bytes = Buffer.from('a package');
    const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
    expect(matchesIntegrity(bytes, integrity)).toBe(true);
    expect(matchesIntegrity(Buffer.from('another'), integrity)).toBe(false);
  });
});

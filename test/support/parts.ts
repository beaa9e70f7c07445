import { describe, it } from '@jest/globals';
import { findPart, howToGet } from './install.ts';
import type { PartName } from './install.ts';

/** Gives the path of a real part; throws, with the way to get it, where it is missing. */
export function requirePart(name: PartName): string {
  const path = findPart(name);
  if (path === undefined) throw new Error(`${name} is missing: ${howToGet(name)}`);
  return path;
}

/**
 * A `describe` whose tests need a real part. Where the part is missing they are skipped, and reported as such; with CI=true
 * nothing may be skipped, so that they fail.
 */
export function describeWith(name: PartName, title: string, define: () => void): void {
  if (findPart(name) !== undefined) {
    describe(title, define);
  } else if (process.env['CI'] === 'true') {
    describe(title, () => {
      it(`has ${name}`, () => {
        requirePart(name);
      });
    });
  } else {
    describe.skip(`${title} (${name} is missing: ${howToGet(name)})`, define);
  }
}

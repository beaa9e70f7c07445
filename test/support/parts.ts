import { describe, it } from '@jest/globals';
import { findPart, howToGet } from './install.ts';
import type { PartName } from './install.ts';
import { requirePart } from './require-part.ts';

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

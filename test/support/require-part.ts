import { findPart, howToGet, type PartName } from './install.ts';

/** Gives the path of a real part; throws, with the way to get it, where it is missing. */
export function requirePart(name: PartName): string {
  const path = findPart(name);
  if (path === undefined) throw new Error(`${name} is missing: ${howToGet(name)}`);
  return path;
}

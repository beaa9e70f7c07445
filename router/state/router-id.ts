import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const FORM = /^[0-9a-f-]{36}$/;

/** Gives the id that a router of this data directory, counted from 1 on, has among the routers of a store; the same at every start. */
export function readRouterId(dataDir: string, replica = 1): string {
  const file = join(dataDir, 'state', replica === 1 ? 'router-id' : `router-id-${replica}`);
  const kept = readKept(file);
  if (kept !== undefined && FORM.test(kept)) return kept;
  const id = randomUUID();
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${id}\n`, { mode: 0o600 });
  return id;
}

function readKept(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const FORM = /^[0-9a-f-]{36}$/;

/** Gives the id that this data directory's router has among the routers of a store; the same at every start. */
export function readRouterId(dataDir: string): string {
  const file = join(dataDir, 'state', 'router-id');
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

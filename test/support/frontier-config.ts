import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModuleSpecInput } from '../../core/config/schema.ts';
import { tempFolder } from './temp-folder.ts';

/** What a test sets of `orchestration`, in the file's own keys. */
export interface OrchestrationInput {
  readonly [key: string]: string | number | boolean | readonly unknown[] | OrchestrationInput;
}

/** Writes a configuration folder (JSON is YAML) and gives its path. */
export function writeConfig(orchestration: OrchestrationInput, modules: readonly ModuleSpecInput[]): string {
  const folder = tempFolder('config');
  writeFileSync(join(folder, 'orchestration-config.yaml'), JSON.stringify({ orchestration }, null, 2));
  mkdirSync(join(folder, 'modules'));
  for (const spec of modules) {
    writeFileSync(join(folder, 'modules', `${spec.module_id}.yaml`), JSON.stringify(spec, null, 2));
  }
  return folder;
}

/** Gives overrides as the environment variables that the configuration reads, e.g. FRONTIER_NETWORK__PORTS__EDGE. */
export function asEnvironment(overrides: OrchestrationInput, prefix = 'FRONTIER_'): Record<string, string> {
  const entries = Object.entries(overrides).flatMap(([key, value]) => {
    const name = prefix + key.toUpperCase();
    const isTree = typeof value === 'object' && !Array.isArray(value);
    return isTree
      ? Object.entries(asEnvironment(value as OrchestrationInput, `${name}__`))
      : [[name, JSON.stringify(value)] as const];
  });
  return Object.fromEntries(entries);
}

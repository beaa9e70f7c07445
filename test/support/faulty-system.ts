import { join } from 'node:path';
import type { ModuleSpecInput } from '../../core/config/schema.ts';
import { writeConfig } from './frontier-config.ts';
import type { OrchestrationInput } from './frontier-config.ts';
import { REPOSITORY } from './frontier.ts';

const COMMAND = [process.execPath, join(REPOSITORY, 'test', 'fixtures', 'faulty-module.ts')];

/** Gives the spec of a module that runs test/fixtures/faulty-module.ts, which does as it is told where it `misbehaves`. */
export function faultyModule(
  moduleId: string,
  misbehaves: boolean,
  more: Partial<ModuleSpecInput> = {},
): ModuleSpecInput {
  return {
    module_id: moduleId,
    adapter: { type: 'openai' },
    workload: { command: COMMAND, env: { MISBEHAVES: String(misbehaves) } },
    confidence_threshold: 0.05,
    ...more,
  };
}

/**
 * Writes the configuration of a small, fast system: `steady` answers everything and is the fallback of `faulty`, which
 * answers code and misbehaves when the query says so.
 */
export function faultyConfig(orchestration: OrchestrationInput = {}): string {
  return writeConfig(orchestration, [
    faultyModule('steady', false, {
      query_classes: ['GENERAL', 'BUSINESS_ANALYSIS', 'CREATIVE_CONTENT', 'MULTIMODAL'],
    }),
    faultyModule('faulty', true, { query_classes: ['CODE_GENERATION'], fallbacks: ['steady'] }),
  ]);
}

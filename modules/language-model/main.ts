import { systemRng } from '../../core/rng.ts';
import { runWorkload } from '../shared/run-workload.ts';
import { createLanguageAnswerer } from './language-answerer.ts';
import { loadLlamaEngine } from './llama-engine.ts';
import { readSettings } from './settings.ts';

/** A language model as a workload: frontier.module.v1.ModuleService over a GGUF model run by llama.cpp. */
await runWorkload('language-model', async ({ env, log }) => {
  const settings = readSettings(env);
  const engine = await loadLlamaEngine(settings);
  log.info(
    {
      model: engine.name,
      contextTokens: engine.contextTokens,
      sequences: settings.sequences,
      threads: settings.threads,
    },
    'model_loaded',
  );
  return createLanguageAnswerer({ engine, settings, rng: systemRng });
});

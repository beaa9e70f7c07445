import { runWorkload } from '../shared/run-workload.ts';
import { loadGutenReader } from './guten-reader.ts';
import { createOcrAnswerer } from './ocr-answerer.ts';
import { readSettings } from './settings.ts';

/** Text of images as a workload: frontier.module.v1.ModuleService over OCR by onnxruntime. */
await runWorkload('ocr', async ({ env }) => {
  const settings = readSettings(env);
  return createOcrAnswerer({ reader: await loadGutenReader(settings), settings });
});

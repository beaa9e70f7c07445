import { describe, expect, it } from '@jest/globals';
import { readSettings } from './settings.ts';

describe('language model settings', () => {
  it('finds the shipped model in the cache, wherever that is', () => {
    expect(readSettings({ FRONTIER_CACHE_DIR: '/cache' }).modelPath).toBe(
      '/cache/models/SmolLM2-135M-Instruct.Q4_1.gguf',
    );
  });

  it('reads what is set, and takes an empty variable as unset', () => {
    const settings = readSettings({
      FRONTIER_MODEL_PATH: '/m.gguf',
      FRONTIER_TEMPERATURE: '0.7',
      FRONTIER_MAX_TOKENS: '',
    });
    expect(settings).toMatchObject({ modelPath: '/m.gguf', temperature: 0.7, maxTokens: 200 });
  });

  it('names every fault at once', () => {
    const faulty = { FRONTIER_TEMPERATURE: 'hot', FRONTIER_SEQUENCES: '0', FRONTIER_TOP_P: '2' };
    expect(() => readSettings(faulty)).toThrow(
      /FRONTIER_TEMPERATURE.*hot[\s\S]*FRONTIER_TOP_P[\s\S]*FRONTIER_SEQUENCES/,
    );
  });
});

import { z } from 'zod';
import { readEnvironment, wholeNumber } from '../shared/environment.ts';
import type { Environment } from '../shared/environment.ts';

const schema = z.object({
  FRONTIER_MAX_QUEUED: wholeNumber(0, 10_000).default(32),
  FRONTIER_MAX_IMAGES: wholeNumber(1, 100).default(8),
  FRONTIER_MAX_PIXELS: wholeNumber(1024, 1_000_000_000).default(50_000_000),
  FRONTIER_MAX_SIDE: wholeNumber(256, 4096).default(1600),
});

export interface OcrSettings {
  /** Queries that may wait. */
  readonly maxQueued: number;
  /** Images of one query. */
  readonly maxImages: number;
  /** Largest image that is decoded, in pixels: a small file may hold a huge one. */
  readonly maxPixels: number;
  /** Longer side to which larger images are shrunk before they are read, in pixels. */
  readonly maxSide: number;
}

/** Reads the module's settings. Throws CONFIG_INVALID with every fault. */
export function readSettings(env: Environment): OcrSettings {
  const values = readEnvironment(schema, env);
  return {
    maxQueued: values.FRONTIER_MAX_QUEUED,
    maxImages: values.FRONTIER_MAX_IMAGES,
    maxPixels: values.FRONTIER_MAX_PIXELS,
    maxSide: values.FRONTIER_MAX_SIDE,
  };
}

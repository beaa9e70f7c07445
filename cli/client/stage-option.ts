import { FrontierError } from '../../core/errors.ts';

/** Reads `--stage`: whether the first stage of the classifier alone is wanted. Throws INVALID_FIELD for anything but 1. */
export function isFirstStageOnly(stage: string | undefined): boolean {
  if (stage === undefined || stage === '1') return stage === '1';
  throw new FrontierError('INVALID_FIELD', `--stage takes 1, not "${stage}"`, { metadata: { field: 'stage' } });
}

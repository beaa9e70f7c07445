import { FrontierError } from '../../core/errors.ts';
import type { WireRequest } from './discovery-requests.ts';
import type { StreamState } from './stream-state.ts';

/** How much one stream may make the control plane remember. */
export interface StreamLimits {
  /** Names that a stream may subscribe to, over all its types. */
  readonly maxNames: number;
  /** Longest name, in characters. */
  readonly maxNameLength: number;
  /** Types that may be asked for on one stream. */
  readonly maxTypes: number;
}

export const DEFAULT_LIMITS: StreamLimits = { maxNames: 50_000, maxNameLength: 2_048, maxTypes: 64 };

/** Throws OVERLOADED for a request that alone goes beyond the limits; nothing of it has been taken in then. */
export function assertRequestFits({ names, initialVersions, typeUrl }: WireRequest, limits: StreamLimits): void {
  if (names.length > limits.maxNames || initialVersions.size > limits.maxNames) {
    throw tooMuch(`a request may name ${limits.maxNames} resources`);
  }
  const isLong = (name: string): boolean => name.length > limits.maxNameLength;
  if (names.some(isLong) || isLong(typeUrl) || [...initialVersions.keys()].some(isLong)) {
    throw tooMuch(`a name may have ${limits.maxNameLength} characters`);
  }
}

/** Throws OVERLOADED when a stream has come to ask for more than it may. */
export function assertStreamFits({ types }: StreamState, limits: StreamLimits): void {
  if (types.length > limits.maxTypes) throw tooMuch(`a stream may ask for ${limits.maxTypes} types`);
  let names = 0;
  for (const { subscription } of types) names += subscription?.names.size ?? 0;
  if (names > limits.maxNames) throw tooMuch(`a stream may subscribe to ${limits.maxNames} names`);
}

function tooMuch(text: string): FrontierError {
  return new FrontierError('OVERLOADED', text);
}

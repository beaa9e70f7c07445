import { FrontierError } from '../../core/errors.ts';
import { isJsonObject } from '../json-answer.ts';

/** How an answer is to be made, in the words of POST /chat/completions. */
export interface ChatParameters {
  readonly max_tokens?: number;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly seed?: number;
  readonly presence_penalty?: number;
  readonly frequency_penalty?: number;
  readonly stop?: string | readonly string[];
  readonly response_format?: Readonly<Record<string, unknown>>;
}

type Parameters = Readonly<Record<string, unknown>>;

const MOST_STOPS = 4;
const MOST_TOKENS = 1_000_000;

/**
 * Gives a query's parameters as the server knows them. They go before the module's settings; those of other names are
 * for other modules. Throws INVALID_FIELD with the parameter's path.
 */
export function chatParameters(
  parameters: Parameters,
  settings: { readonly maxTokens: number | undefined; readonly temperature: number | undefined },
): ChatParameters {
  const given = {
    max_tokens: wholeOf(parameters, 'max_tokens', 1, MOST_TOKENS) ?? settings.maxTokens,
    temperature: numberOf(parameters, 'temperature', 0, 2) ?? settings.temperature,
    top_p: numberOf(parameters, 'top_p', 0, 1),
    seed: wholeOf(parameters, 'seed', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    presence_penalty: numberOf(parameters, 'presence_penalty', -2, 2),
    frequency_penalty: numberOf(parameters, 'frequency_penalty', -2, 2),
    stop: stopOf(parameters['stop']),
    response_format: formatOf(parameters['response_format']),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function wholeOf(parameters: Parameters, name: string, min: number, max: number): number | undefined {
  const value = numberOf(parameters, name, min, max);
  if (value !== undefined && !Number.isInteger(value)) throw invalid(`parameters.${name}`, 'must be whole');
  return value;
}

function numberOf(parameters: Parameters, name: string, min: number, max: number): number | undefined {
  const value = parameters[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw invalid(`parameters.${name}`, `must be a number from ${min} to ${max}`);
}

function stopOf(value: unknown): string | readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  const isList = Array.isArray(value) && value.length > 0 && value.length <= MOST_STOPS;
  if (isList && value.every((item): item is string => typeof item === 'string' && item !== '')) return value;
  throw invalid('parameters.stop', `must be a text or a list of 1 to ${MOST_STOPS} texts`);
}

function formatOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined || value === null) return undefined;
  if (isJsonObject(value) && typeof value['type'] === 'string') return value;
  throw invalid('parameters.response_format', 'must be an object with a type, e.g. {"type": "json_object"}');
}

function invalid(field: string, fault: string): FrontierError {
  return new FrontierError('INVALID_FIELD', `${field} ${fault}`, { metadata: { field } });
}

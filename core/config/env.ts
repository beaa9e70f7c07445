import type { ConfigFault, ConfigPath, Position } from './config-fault.ts';
import { childSchema, jsonSchemaOf, keysOf, type JsonSchema } from './key-tree.ts';
import { orchestrationFileSchema } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { parseYamlText } from './yaml-source.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** Variables of our name that are not configuration, so no key of the file answers to them. */
export const OPERATIONAL_VARIABLES = {
  FRONTIER_JOIN_TOKEN: 'One-time token with which a process obtains its first certificate.',
  FRONTIER_CACHE_DIR: 'Folder for what is downloaded or built once.',
  FRONTIER_MODEL_PATH: 'Model file, handed to a shipped language module by the loader.',
  FRONTIER_SYSTEM_PROMPT: 'System prompt of a shipped language module.',
  FRONTIER_CONFIG: 'Configuration file, for `npm start`.',
  FRONTIER_URL: 'Address of a running system, for the command line.',
  FRONTIER_API_KEY: 'API key with which the command line calls it.',
  FRONTIER_LAB_DIR: 'Folder of the real parts that tests run against.',
} as const;

/** Variables that tests give to the programs they start. */
const TEST_PREFIX = 'FRONTIER_TEST_';
const PREFIX = 'FRONTIER_';
const ROOT = 'orchestration';

/** One value that the environment puts in the place of the file's. */
export interface Override {
  readonly variable: string;
  /** From the top of the file, so it starts with `orchestration`. */
  readonly path: ConfigPath;
  readonly value: unknown;
}

/** Gives the overrides of an environment, outer keys first, and a fault for each variable that names no key. */
export function readOverrides(env: Env): {
  readonly overrides: readonly Override[];
  readonly faults: readonly ConfigFault[];
} {
  const overrides: Override[] = [];
  const faults: ConfigFault[] = [];
  for (const [variable, text] of Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (text === undefined || !isConfiguration(variable)) continue;
    const path = pathOf(variable);
    const parsed = path === undefined ? unknownVariable(variable) : readValue(variable, path, text);
    if ('message' in parsed) faults.push(parsed);
    else overrides.push(parsed);
  }
  return { overrides: overrides.sort((a, b) => a.path.length - b.path.length), faults };
}

/** Gives `value` with the overrides put in; `value` itself is left as it is. */
export function applyOverrides(value: unknown, overrides: readonly Override[]): unknown {
  if (overrides.length === 0) return value;
  const root: unknown = structuredClone(value) ?? {};
  for (const override of overrides) put(root, override.path, override.value);
  return root;
}

/** Gives a `locate` that points to the variable for whatever the environment has set. */
export function locateWithOverrides(
  locate: (path: ConfigPath) => Position,
  overrides: readonly Override[],
): (path: ConfigPath) => Position {
  return (path) => {
    // The last one that covers the path is the innermost.
    const override = overrides.findLast(({ path: prefix }) => prefix.every((part, index) => part === path[index]));
    return override === undefined ? locate(path) : positionOf(override.variable);
  };
}

/** Gives the variable that overrides the key at `path` (below `orchestration`). */
export function variableOf(path: ConfigPath): string {
  return PREFIX + path.map((part) => String(part).toUpperCase()).join('__');
}

/** Gives the path of every key that a variable can name, outer keys first. */
export function overridablePaths(): string[][] {
  return pathsBelow(rootSchema(), []);
}

function isConfiguration(variable: string): boolean {
  return (
    variable.startsWith(PREFIX) && !variable.startsWith(TEST_PREFIX) && !Object.hasOwn(OPERATIONAL_VARIABLES, variable)
  );
}

function pathOf(variable: string): ConfigPath | undefined {
  const parts = variable.slice(PREFIX.length).toLowerCase().split('__');
  let schema: JsonSchema | undefined = rootSchema();
  for (const part of parts) {
    schema = part === '' ? undefined : childSchema(schema, part);
    if (schema === undefined) return undefined;
  }
  return [ROOT, ...parts];
}

function readValue(variable: string, path: ConfigPath, text: string): Override | ConfigFault {
  const { value, faults } = parseYamlText(variable, text);
  const [fault] = faults;
  if (fault !== undefined) return { ...fault, message: `is not YAML: ${fault.message}` };
  if (value === undefined) return faultOf(variable, 'is empty; unset it or give it a value');
  return { variable, path, value };
}

function unknownVariable(variable: string): ConfigFault {
  const names = [...overridablePaths().map(variableOf), ...Object.keys(OPERATIONAL_VARIABLES)];
  return faultOf(variable, `names no key of the configuration${didYouMean(variable, names)}`);
}

function faultOf(variable: string, message: string): ConfigFault {
  return { ...positionOf(variable), path: '', message };
}

function positionOf(variable: string): Position {
  return { file: variable, line: 1, column: 1 };
}

function put(root: unknown, path: ConfigPath, value: unknown): void {
  let parent = root;
  for (const [index, part] of path.entries()) {
    // A scalar or list where a mapping belongs is the file's fault; it is reported there.
    if (typeof parent !== 'object' || parent === null || Array.isArray(parent)) return;
    const mapping = parent as Record<string, unknown>;
    if (index === path.length - 1) mapping[part] = value;
    else mapping[part] ??= {};
    parent = mapping[part];
  }
}

function pathsBelow(schema: JsonSchema, path: string[]): string[][] {
  return keysOf(schema).flatMap((key) => {
    const child = childSchema(schema, key);
    return child === undefined ? [] : [[...path, key], ...pathsBelow(child, [...path, key])];
  });
}

function rootSchema(): JsonSchema {
  return childSchema(jsonSchemaOf(orchestrationFileSchema), ROOT) ?? {};
}

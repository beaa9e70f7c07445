import { dirname, resolve } from 'node:path';
import { findUnservedClasses } from './check-classes.ts';
import { ConfigError, formatFault, formatPath } from './config-fault.ts';
import type { ConfigFault, ConfigPath, Position } from './config-fault.ts';
import { DEFAULT_CONFIG_FILE, exists, readConfigFile, readModuleFiles, type ConfigFile } from './config-files.ts';
import { deepFreeze } from './deep-freeze.ts';
import { isSet, type DocumentFinding, type Draft } from './draft.ts';
import { applyOverrides, locateWithOverrides, readOverrides, type Env, type Override } from './env.ts';
import { findNotBuilt } from './not-built.ts';
import { moduleSpecSchema, orchestrationFileSchema, SPECIFIED_CLASSES } from './schema.ts';
import type { FrontierConfig, ModuleSpec, Orchestration } from './schema.ts';
import { checkSemantics } from './semantics.ts';
import { validate, type Finding } from './validate.ts';
import { parseYamlText } from './yaml-source.ts';

export { ConfigError } from './config-fault.ts';

export interface LoadOptions {
  /** The configuration file; `./orchestration-config.yaml` when left out, and the built-in defaults when that is absent. */
  readonly path?: string | undefined;
  /** Environment whose FRONTIER_* variables override single keys; none when left out. */
  readonly env?: Env | undefined;
}

/** One document on its way into the configuration. */
interface Checked<T> extends Draft<T> {
  readonly path: string;
  readonly faults: readonly ConfigFault[];
  readonly locate: (path: ConfigPath) => Position;
}

/**
 * Reads the whole configuration: the file, the module specs beside it and the environment.
 * Throws a ConfigError that lists every fault of all of them; what it gives is complete, consistent and frozen.
 */
export function loadConfig({ path, env = {} }: LoadOptions = {}): FrontierConfig {
  const configPath = resolve(path ?? DEFAULT_CONFIG_FILE);
  const rootDir = dirname(configPath);
  const useDefaults = path === undefined && !exists(configPath);
  const mainFile = useDefaults ? builtInDefaults(configPath) : readConfigFile(configPath);
  const { overrides, faults: variableFaults } = readOverrides(env);
  const main = checkMainFile(mainFile, overrides);
  const modules = readModuleFiles(rootDir).map(checkModuleFile);

  const draft = { orchestration: main, modules };
  const place = (finding: DocumentFinding): ConfigFault => {
    const document = finding.document === 'orchestration' ? main : (modules[finding.document] ?? main);
    return placed(finding, document.locate);
  };
  const ownFaults = [main, ...modules].flatMap((document) => document.faults);
  const faults = [...variableFaults, ...ownFaults, ...checkSemantics(draft).map(place)];
  const orchestration = main.value;
  if (faults.length > 0 || orchestration === undefined) throw new ConfigError(faults);

  return deepFreeze({
    orchestration,
    modules: modules.flatMap(({ value }) => value ?? []).sort((a, b) => (a.module_id < b.module_id ? -1 : 1)),
    warnings: [...findNotBuilt(draft), ...findUnservedClasses(draft)].map((finding) => formatFault(place(finding))),
    rootDir,
    dataDir: resolve(rootDir, orchestration.storage.data_dir),
    sources: [...(useDefaults ? [] : [main.path]), ...modules.map((module) => module.path)],
  });
}

function builtInDefaults(path: string): ConfigFile {
  return { path, source: parseYamlText('built-in defaults', '') };
}

function checkMainFile({ path, source }: ConfigFile, overrides: readonly Override[]): Checked<Orchestration> {
  const locate = locateWithOverrides(source.locate, overrides);
  if (!source.readable) return { path, locate, raw: undefined, value: undefined, faults: source.faults };
  // An empty file says nothing, so every default holds.
  const raw = applyOverrides(source.value ?? {}, overrides);
  const result = validate(orchestrationFileSchema, raw);
  const findings = result.ok ? [] : result.findings;
  const faults = [...source.faults, ...findings.map((finding) => placed(finding, locate))];
  return { path, locate, raw, value: result.ok ? result.value.orchestration : undefined, faults };
}

function checkModuleFile({ path, source }: ConfigFile): Checked<ModuleSpec> {
  const { locate, value: raw } = source;
  if (!source.readable) return { path, locate, raw, value: undefined, faults: source.faults };
  const result = validate(moduleSpecSchema, raw ?? {});
  const findings = result.ok ? [] : result.findings;
  const faults = [...source.faults, ...findings.map((finding) => placed(finding, locate))];
  return { path, locate, raw, value: result.ok ? withSpecifiedClass(result.value, raw) : undefined, faults };
}

/** Gives a module of the product its class when its file leaves query_classes out, as the specification's form does. */
function withSpecifiedClass(spec: ModuleSpec, raw: unknown): ModuleSpec {
  const specified = SPECIFIED_CLASSES.get(spec.module_id);
  if (specified === undefined || isSet(raw, ['query_classes'])) return spec;
  return { ...spec, query_classes: [specified] };
}

function placed({ path, message }: Finding, locate: (path: ConfigPath) => Position): ConfigFault {
  return { ...locate(path), path: formatPath(path), message };
}

import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ensureEmbedding } from './embedding.mjs';
import { ensureEnvoy } from './envoy.mjs';
import { ensureGenerated } from './generated.mjs';
import { ensureModel } from './model.mjs';
import { ensureNode } from './node24.mjs';
import { ensureModulePackages, ensurePackages } from './packages.mjs';
import { flagValue } from './settings.mjs';
import { withoutLifecycle, withPathFirst } from './shell.mjs';

/** What each task needs beyond Node and the root's packages. */
const NEEDS = {
  start: { modules: true, parts: ['envoy', 'model', 'embedding'] },
  test: { modules: true, parts: ['envoy', 'model', 'embedding'] },
  cli: { modules: false, parts: [] },
  bench: { modules: true, parts: ['embedding'] },
  faults: { modules: false, parts: ['envoy', 'model'] },
  conformance: { modules: false, parts: [] },
  soak: { modules: false, parts: ['envoy', 'model'] },
  train: { modules: true, parts: ['embedding'] },
  prepare: { modules: true, parts: ['envoy', 'model', 'embedding'] },
};

/**
 * Gets everything that `task` needs, what can run at the same time at the same time. Gives the Node to run it on, its
 * environment, and notes for people about optional parts that are missing.
 * Rejects when Node, the packages or the generated code cannot be had.
 */
export async function prepare(task, { root, args, progress, env }) {
  const needs = NEEDS[task];
  const configPath = resolve(flagValue(args, 'config') ?? env.FRONTIER_CONFIG ?? `${root}/orchestration-config.yaml`);
  const clean = withoutLifecycle(env);
  const parts = optionalParts(needs.parts, { args, env: clean, configPath, progress });
  const nodePath = await progress.step('Node 24', (begin) => ensureNode(begin, env));
  const taskEnv = withPathFirst(clean, dirname(nodePath));
  // npm runs on the Node that it came with: its global configuration (proxy, certificates) is found beside that one.
  const installing = { root, nodePath, env: { ...clean, ...npmOf(env) } };
  const runtimeNotes = [];
  await Promise.all([
    progress
      .step('packages', (begin) => ensurePackages(begin, installing))
      .then(() =>
        progress.step('contracts (buf generate)', (begin) => ensureGenerated(begin, { root, nodePath, env: taskEnv })),
      ),
    needs.modules &&
      progress
        .step('module runtimes', (begin) => ensureModulePackages(begin, installing))
        .catch((error) => {
          runtimeNotes.push(noRuntimes(error.message));
        }),
  ]);
  const { found, notes } = await parts;
  return { nodePath, env: { ...taskEnv, ...found }, notes: [...runtimeNotes, ...notes] };
}

/** npm_execpath says which npm runs us; nested installs use the same one. */
function npmOf(env) {
  return env.npm_execpath && existsSync(env.npm_execpath) ? { npm_execpath: env.npm_execpath } : {};
}

/** Fetches what the system can do without; never rejects. */
async function optionalParts(wanted, { args, env, configPath, progress }) {
  const notes = [];
  const found = {};
  const attempt = async (title, key, ensure, note) => {
    try {
      found[key] = await progress.step(title, ensure);
    } catch (error) {
      notes.push(note(error.message));
    }
  };
  const wantsEnvoy = wanted.includes('envoy') && (flagValue(args, 'mesh') ?? env.FRONTIER_MESH__MODE) !== 'proxyless';
  await Promise.all([
    wantsEnvoy &&
      attempt('Envoy', 'FRONTIER_RUNTIME__ENVOY_PATH', (begin) => ensureEnvoy(begin, { env, configPath }), noEnvoy),
    wanted.includes('model') &&
      attempt(
        'language model',
        'FRONTIER_RUNTIME__MODEL_PATH',
        (begin) => ensureModel(begin, { env, configPath }),
        noModel,
      ),
    wanted.includes('embedding') &&
      attempt(
        'sentence model',
        'FRONTIER_RUNTIME__EMBEDDING_PATH',
        (begin) => ensureEmbedding(begin, { env, configPath }),
        noEmbedding,
      ),
  ]);
  return { found, notes };
}

function noEnvoy(reason) {
  return (
    `No Envoy: ${reason}. Going on without it (--mesh proxyless). ` +
    'To have it, put `envoy` on PATH or name it in runtime.envoy_path of orchestration-config.yaml.'
  );
}

function noModel(reason) {
  return (
    `No language model: ${reason}. The language modules cannot start. Name a GGUF file in runtime.model_path, or point a ` +
    'module at any OpenAI-compatible endpoint in its YAML file: adapter: { type: openai, url: "http://localhost:11434/v1" }.'
  );
}

function noEmbedding(reason) {
  return (
    `No sentence model: ${reason}. Queries are classified by the first stage alone. Name a folder with model.safetensors, ` +
    'tokenizer.json and tokenizer_config.json of all-MiniLM-L6-v2 in runtime.embedding_path.'
  );
}

function noRuntimes(reason) {
  return `No module runtimes: ${reason}\nThe shipped modules cannot start; Frontier itself and modules by URL can.`;
}

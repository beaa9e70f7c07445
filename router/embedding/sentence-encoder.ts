import { readFileSync } from 'node:fs';
import { Tokenizer } from '@huggingface/tokenizers';
import { FrontierError, messageOf } from '../../core/errors.ts';
import type { EmbeddingFiles } from './embedding-files.ts';
import { INPUT, MINILM, miniLmGraph, OUTPUT, type Precision } from './minilm-graph.ts';
import { loadOnnxRuntime } from './onnx-runtime.ts';
import { readSafetensors } from './safetensors.ts';

/** Gives a text's meaning as a vector of length 1. */
export type EncodeSentence = (text: string) => Promise<Float32Array>;

/**
 * What is read of a text: of one longer than 1,600 UTF-16 units the first 1,200 and the last 400, as the first stage of the
 * classifier does; of more than 64 tokens the first 48 and the last 16. The time of one embedding is so bounded.
 */
const HEAD_UNITS = 1200;
const TAIL_UNITS = 400;
const HEAD_TOKENS = 48;
const TAIL_TOKENS = 16;
const { hidden, vocabulary, positions } = MINILM;

/**
 * Loads all-MiniLM-L6-v2 (Apache-2.0; a BERT of six layers, 22 million weights) to run on one thread: tokens by its own tokenizer, embeddings by
 * table, the layers by onnxruntime. Takes about a second and 100 MB.
 * Throws MODEL_UNREADABLE, saying what is missing or damaged.
 */
export async function loadSentenceEncoder(
  files: EmbeddingFiles,
  precision: Precision = 'int8',
): Promise<EncodeSentence> {
  const weights = readSafetensors(readFileSync(files.weights));
  const words = weights('embeddings.word_embeddings.weight', vocabulary, hidden).values;
  const places = placesOf(
    weights('embeddings.position_embeddings.weight', positions, hidden).values,
    weights('embeddings.token_type_embeddings.weight', 2, hidden).values,
  );
  const tokenizer = loadTokenizer(files);
  const { InferenceSession, Tensor } = loadOnnxRuntime();
  const session = await InferenceSession.create(miniLmGraph(weights, precision), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  });
  return async (text) => {
    const ids = shortened(tokenizer.encode(readPart(text)).ids);
    const input = new Float32Array(ids.length * hidden);
    ids.forEach((id, place) => {
      addTo(input, place * hidden, words, id * hidden);
      addTo(input, place * hidden, places, place * hidden);
    });
    const results = await session.run({ [INPUT]: new Tensor('float32', input, [1, ids.length, hidden]) });
    return atLengthOne(results[OUTPUT]?.data as Float32Array);
  };
}

/** What is used of the package's class; its own types do not resolve under NodeNext (imports without file extensions). */
interface TextTokenizer {
  encode(text: string): { readonly ids: readonly number[] };
}
const TokenizerOf = Tokenizer as unknown as new (model: object, settings: object) => TextTokenizer;

function loadTokenizer({ tokenizer, tokenizerSettings }: EmbeddingFiles): TextTokenizer {
  try {
    const [model, settings] = [tokenizer, tokenizerSettings].map(
      (file) => JSON.parse(readFileSync(file, 'utf8')) as object,
    );
    return new TokenizerOf(model ?? {}, settings ?? {});
  } catch (cause) {
    throw new FrontierError('MODEL_UNREADABLE', `${tokenizer} cannot be used: ${messageOf(cause)}`, { cause });
  }
}

/** What a token's place adds, with what all tokens of a single sentence get. */
function placesOf(positionRows: Float32Array, types: Float32Array): Float32Array {
  return positionRows.map((value, at) => value + (types[at % hidden] ?? 0));
}

function readPart(text: string): string {
  return text.length <= HEAD_UNITS + TAIL_UNITS ? text : `${text.slice(0, HEAD_UNITS)} ${text.slice(-TAIL_UNITS)}`;
}

function shortened(ids: readonly number[]): readonly number[] {
  const most = HEAD_TOKENS + TAIL_TOKENS;
  return ids.length <= most ? ids : [...ids.slice(0, HEAD_TOKENS), ...ids.slice(-TAIL_TOKENS)];
}

function addTo(target: Float32Array, at: number, source: Float32Array, from: number): void {
  for (let c = 0; c < hidden; c += 1) target[at + c] = (target[at + c] ?? 0) + (source[from + c] ?? 0);
}

function atLengthOne(mean: Float32Array): Float32Array {
  const length = Math.hypot(...mean);
  return length > 0 ? mean.map((value) => value / length) : mean;
}

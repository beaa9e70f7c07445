import { z } from 'zod';
import { MINILM } from '../embedding/minilm-graph.ts';
import { decodeModelFile, encodeModelFile, MODEL_KINDS, unreadable } from './model-file.ts';

/**
 * What turns an embedding into classes. The score of class c is lexicalWeight × the first stage's score for the text +
 * biases[c] + the sum over the embedding's numbers of weights[number × classes + c] × number; softmax gives probabilities.
 */
export interface SecondStageModel {
  readonly classes: readonly string[];
  /** Sentence model whose embeddings it was trained on. */
  readonly embedding: string;
  /** Checksum of the first stage's file that it was trained with. */
  readonly firstStage: string;
  readonly lexicalWeight: number;
  readonly biases: readonly number[];
  readonly weights: Float32Array;
  /** What it was trained on and how well it did, for people. */
  readonly about: Readonly<Record<string, string | number>>;
}

/** Sentence model and form of its weights; embeddings of another are other numbers. */
export const EMBEDDING_VERSION = 'all-MiniLM-L6-v2, 7-bit weights, 64 tokens';

const headerSchema = z.object({
  classes: z.array(z.string()).min(2),
  embedding: z.string(),
  firstStage: z.string(),
  lexicalWeight: z.number(),
  biases: z.array(z.number()),
  about: z.record(z.string(), z.union([z.string(), z.number()])),
});

/** Writes a model. */
export function encodeSecondStage({ weights, ...header }: SecondStageModel): Uint8Array {
  return encodeModelFile(
    MODEL_KINDS.secondStage,
    header,
    new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength),
  );
}

/** Reads a model that encodeSecondStage wrote. Throws MODEL_UNREADABLE, saying what is wrong. */
export function decodeSecondStage(bytes: Uint8Array): SecondStageModel {
  const { header, payload } = decodeModelFile(MODEL_KINDS.secondStage, bytes);
  const parsed = headerSchema.safeParse(header);
  const copy = Uint8Array.from(payload);
  if (
    !parsed.success ||
    copy.length !== parsed.data.classes.length * MINILM.hidden * Float32Array.BYTES_PER_ELEMENT ||
    parsed.data.biases.length !== parsed.data.classes.length
  )
    throw unreadable('its parts do not fit together');
  return { ...parsed.data, weights: new Float32Array(copy.buffer) };
}

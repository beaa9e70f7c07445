/**
 * Thread that embeds texts: onnxruntime-node computes in the thread that calls it, and a decision must not hold up others.
 * Takes { id, text }, answers { id, vector } or { id, error }, one after another; first { ready } or { failed }.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../core/errors.ts';
import type { EmbeddingFiles } from './embedding-files.ts';
import { loadSentenceEncoder } from './sentence-encoder.ts';

/** What the thread is asked. */
export interface EmbeddingRequest {
  readonly id: number;
  readonly text: string;
}

/** What it answers. */
export type EmbeddingReply =
  | { readonly ready: true }
  | { readonly failed: string }
  | { readonly id: number; readonly vector: Float32Array }
  | { readonly id: number; readonly error: string };

const port = parentPort;
const reply = (message: EmbeddingReply): void => {
  port?.postMessage(message);
};

try {
  const encode = await loadSentenceEncoder(workerData as EmbeddingFiles);
  // The first run lets onnxruntime take its memory.
  await encode('Which module answers this?');
  let last = Promise.resolve();
  port?.on('message', ({ id, text }: EmbeddingRequest) => {
    last = last.then(async () => {
      try {
        reply({ id, vector: await encode(text) });
      } catch (thrown) {
        reply({ id, error: messageOf(thrown) });
      }
    });
  });
  reply({ ready: true });
} catch (thrown) {
  reply({ failed: messageOf(thrown) });
}

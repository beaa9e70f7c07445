/**
 * Process that embeds texts. onnxruntime-node computes in the thread that calls it, and a decision must not hold up others; a
 * process of its own, because a fault in native code would end the router with it. Its one argument names the files (JSON).
 * Takes { id, text }, answers { id, vector } or { id, error }, one after another; first { ready } or { failed }.
 */
import { messageOf } from '../../core/errors.ts';
import type { EmbeddingFiles } from './embedding-files.ts';
import { loadSentenceEncoder } from './sentence-encoder.ts';

/** What the process is asked. */
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

const reply = (message: EmbeddingReply): void => {
  process.send?.(message);
};

// It ends with the router, which says when: a Ctrl-C at the terminal reaches both.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(0));

try {
  const encode = await loadSentenceEncoder(JSON.parse(process.argv[2] ?? '{}') as EmbeddingFiles);
  // The first run lets onnxruntime take its memory.
  await encode('Which module answers this?');
  let last = Promise.resolve();
  process.on('message', ({ id, text }: EmbeddingRequest) => {
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

import { TextDecoder } from 'node:util';
import { badReply } from './grpc-replies.ts';

/** Gives bytes as UTF-8. Throws MODULE_BAD_REPLY for what is none: a replaced character would pass for the answer. */
export function strictText(bytes: Uint8Array): string {
  return strictly(new TextDecoder('utf-8', { fatal: true }), bytes);
}

/** Gives the next piece of a text; \`decoder\` must be fatal. Throws as strictText does. */
export function strictly(decoder: TextDecoder, bytes: Uint8Array, options: { readonly stream?: boolean } = {}): string {
  try {
    return decoder.decode(bytes, options);
  } catch (cause) {
    throw badReply('the workload sent bytes that are no UTF-8', cause);
  }
}

import { FrontierError, type Reason } from '../../core/errors.ts';
import type { LostResource } from '../../core/lost-resource.ts';
import type { QueryPayload } from '../../gen/frontier/common/v1/message.ts';

/** What the text of an error says to be gone. */
export interface LostByText {
  readonly resource: LostResource;
  /** The words that say so. */
  readonly said: string;
}

/**
 * How programs say that something is used up: CUDA, HIP and PyTorch, Linux (strerror of ENOMEM, ENOSPC, EDQUOT, EMFILE), C++, V8, the
 * JVM, Python, TensorFlow and XLA, llama.cpp and vLLM. The special ones stand before the general ones.
 */
const SAYINGS: readonly (readonly [LostResource, RegExp])[] = [
  ['gpu_memory', /\b(?:cuda|hip|gpu|vram)\w*\b[^\n]{0,80}?\bout of (?:device )?memory\b/i],
  ['gpu_memory', /\bout of (?:gpu|device|video) memory\b|\bout of memory on (?:gpu|device|cuda)\b/i],
  ['gpu_memory', /\b(?:hipErrorOutOfMemory|cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY)\b/],
  ['gpu_memory', /\b(?:CUBLAS|CUDNN)_STATUS_ALLOC_FAILED\b|\btorch\.(?:cuda\.)?OutOfMemoryError\b|OutOfDeviceMemory\b/],
  ['cache', /\bKV[ -]?cache (?:is |was )?full\b|\b(?:space|slot) in (?:the )?KV[ -]?cache\b|\bfind a KV slot\b/i],
  ['cache', /\bno available memory for the cache blocks\b/i],
  [
    'slots',
    /\bno (?:free |available )?slots? (?:is |are )?available\b|\bno (?:free|available) slots?\b|\bslot unavailable\b/i,
  ],
  ['disk', /\bno space left on device\b|\bENOSPC\b|\bdisk quota exceeded\b/i],
  ['files', /\btoo many open files\b|\bEMFILE\b/i],
  ['memory', /\bcannot allocate memory\b|\bENOMEM\b|\bbad_alloc\b|\bOOM when allocating\b/i],
  ['memory', /\b(?:Memory|OutOfMemory)Error\b|\bDefaultCPUAllocator: (?:can't|not enough)/],
  ['memory', /\b(?:not enough|insufficient) memory\b|\bout of memory\b/i],
];

/** What comes back by itself once others have finished. */
const PASSING: readonly LostResource[] = ['cache', 'slots'];
/** Characters that are looked at from either end: a trace of calls has its reason at the end. */
const LOOKED_AT = 8_192;

/** Gives what an error's text says to be gone. Not for answers, which may speak of such things. */
export function lostResource(errorText: string): LostByText | undefined {
  const text =
    errorText.length <= 2 * LOOKED_AT ? errorText : `${errorText.slice(0, LOOKED_AT)}\n${errorText.slice(-LOOKED_AT)}`;
  for (const [resource, saying] of SAYINGS) {
    const said = saying.exec(text)?.[0];
    if (said !== undefined) return { resource, said };
  }
  return undefined;
}

/**
 * Gives an error's reason and metadata, looking at its text: MODULE_OUT_OF_RESOURCES when that says that something is gone, what
 * was given otherwise. Who asks to be left alone for a while (MODULE_OVERLOADED) because its places are taken is only busy.
 */
export function reasonByText(
  reason: Reason,
  errorText: string,
): { readonly reason: Reason; readonly metadata: Readonly<Record<string, string>> } {
  const lost = lostResource(errorText);
  if (lost === undefined || (reason === 'MODULE_OVERLOADED' && PASSING.includes(lost.resource)))
    return { reason, metadata: {} };
  return { reason: 'MODULE_OUT_OF_RESOURCES', metadata: { resource: lost.resource, said: lost.said } };
}

/**
 * Gives an error that is not believed where it may only repeat the query: servers put what was asked into their errors, and people
 * ask about running out of memory. It is MODULE_FAILED then.
 */
export function unlessEchoed(error: unknown, query: Pick<QueryPayload, 'query' | 'history' | 'context'>): unknown {
  if (!(error instanceof FrontierError) || error.reason !== 'MODULE_OUT_OF_RESOURCES') return error;
  const { said } = error.metadata;
  if (said === undefined || !askedText(query).includes(said.toLowerCase())) return error;
  const { resource: _resource, said: _said, ...metadata } = error.metadata;
  return new FrontierError('MODULE_FAILED', error.message, { cause: error.cause, metadata });
}

function askedText({ query, history, context }: Pick<QueryPayload, 'query' | 'history' | 'context'>): string {
  const turns = history.map(({ content }) => content);
  return [query, ...turns, JSON.stringify(context ?? {})].join('\n').toLowerCase();
}

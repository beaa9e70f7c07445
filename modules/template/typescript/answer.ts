/** Your module's own work. Everything else in this folder is the way to it. */

/** Gives the answer to a query piece by piece; stop soon after `signal` aborts (the caller has gone). */
export async function* answer(query: string, signal: AbortSignal): AsyncGenerator<string> {
  const words = `You asked: ${query}`.split(' ');
  for (const [index, word] of words.entries()) {
    signal.throwIfAborted();
    // Stands for the wait for your model's next token.
    await Promise.resolve();
    yield index === 0 ? word : ` ${word}`;
  }
}

/** How sure you are of an answer, from 0 to 1; undefined leaves it to the sidecar to judge by the text alone. */
export function selfAssessment(query: string): number | undefined {
  return query.trim() === '' ? 0 : 0.8;
}

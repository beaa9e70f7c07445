import type { QueryClass } from '../../core/config/schema.ts';
import type { Signal } from './classifier.ts';

/** A word and what may follow it in a phrase. */
interface TermNode {
  signals: Signal[];
  next: Map<string, TermNode> | undefined;
}

/** Weighted words and phrases, looked up while walking over a text. */
export interface TermIndex {
  /** Adds every listed word or phrase of `text` to `found`, each once, in order of appearance. */
  find(text: string, found: Signal[]): void;
}

const WORD = /[\p{L}\p{N}][\p{L}\p{N}'&]*(?:[.-][\p{L}\p{N}]+)*(?:\+\+|#)?/gu;

/** Builds the index from rows of [weight, comma-separated terms] of each class. */
export function createTermIndex(
  table: Readonly<Record<QueryClass, readonly (readonly [number, string])[]>>,
): TermIndex {
  const root: TermNode = { signals: [], next: new Map() };
  for (const [queryClass, rows] of Object.entries(table) as [QueryClass, readonly (readonly [number, string])[]][]) {
    for (const [weight, terms] of rows) {
      for (const term of terms.split(','))
        addTerm(root, { name: `term: ${term.trim()}`, queryClass, weight }, term.trim());
    }
  }
  return {
    find: (text, found) => {
      findTerms(root, text, found);
    },
  };
}

function addTerm(root: TermNode, signal: Signal, term: string): void {
  let node = root;
  for (const word of term.split(' ')) {
    node.next ??= new Map();
    let child = node.next.get(word);
    if (child === undefined) {
      child = { signals: [], next: undefined };
      node.next.set(word, child);
    }
    node = child;
  }
  node.signals.push(signal);
}

function findTerms(root: TermNode, text: string, found: Signal[]): void {
  const words = text.toLowerCase().match(WORD);
  if (words === null) return;
  const first = found.length;
  for (let start = 0; start < words.length; start += 1) {
    let node = step(root, words[start]);
    for (let end = start + 1; node !== undefined; end += 1) {
      for (const signal of node.signals) if (found.indexOf(signal, first) === -1) found.push(signal);
      node = step(node, words[end]);
    }
  }
}

/** Follows a word; a plural that is not listed counts as its singular. */
function step(node: TermNode, word: string | undefined): TermNode | undefined {
  if (word === undefined || node.next === undefined) return undefined;
  return node.next.get(word) ?? (word.endsWith('s') ? node.next.get(word.slice(0, -1)) : undefined);
}

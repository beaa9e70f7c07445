import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document, Node } from 'yaml';
import type { ConfigFault, ConfigPath, Position } from './config-fault.ts';
import { messageOf } from '../errors.ts';

/** A parsed YAML text that still knows where each value stands. */
export interface YamlSource {
  /** The value as plain data; undefined when the text could not be parsed or is empty. */
  readonly value: unknown;
  /** Syntax errors and duplicate keys. */
  readonly faults: readonly ConfigFault[];
  /** Whether the value is worth validating: false after a syntax error, true after a mere duplicate key. */
  readonly readable: boolean;
  /** Gives the place of the key (or list item) at `path`, or of the nearest one above it that exists. */
  readonly locate: (path: ConfigPath) => Position;
}

/** Parses the bytes of a file; never throws. `file` is the name used in faults. */
export function parseYamlBytes(file: string, bytes: Uint8Array): YamlSource {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return unreadable(file, 'is not UTF-8 text');
  }
  return parseYamlText(file, text);
}

/** Parses a text; never throws. */
export function parseYamlText(file: string, text: string): YamlSource {
  const lines = new LineCounter();
  // Pretty errors quote the source, which may hold a secret.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  // A warning is a tag that nothing resolves: the value would not be what its author meant.
  const faults = [...document.errors, ...document.warnings].map((error) => ({
    ...positionAt(error.pos[0]),
    path: '',
    message: error.code === 'DUPLICATE_KEY' ? 'the key stands here a second time' : lowerFirst(error.message),
  }));
  const fatal = document.errors.some((error) => error.code !== 'DUPLICATE_KEY');
  if (fatal) return { value: undefined, faults, readable: false, locate: () => positionAt(0) };
  try {
    const value: unknown = document.toJS() ?? undefined;
    return { value, faults, readable: true, locate: (path) => positionAt(offsetOf(document, path)) };
  } catch (error) {
    // E.g. an alias that expands without end.
    return unreadable(file, lowerFirst(messageOf(error)), faults);
  }
}

/** Gives a source that holds nothing but a fault. */
export function unreadable(file: string, message: string, earlier: readonly ConfigFault[] = []): YamlSource {
  const position = { file, line: 1, column: 1 };
  return {
    value: undefined,
    faults: [...earlier, { ...position, path: '', message }],
    readable: false,
    locate: () => position,
  };
}

function offsetOf(document: Document.Parsed, path: ConfigPath): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0] ?? 0;
  for (const part of path) {
    const child = childOf(document, node, part);
    if (child === undefined) break;
    offset = child.offset ?? offset;
    node = child.node;
  }
  return offset;
}

interface Child {
  readonly node: unknown;
  readonly offset: number | undefined;
}

function childOf(document: Document.Parsed, parent: unknown, part: string | number): Child | undefined {
  const node = isAlias(parent) ? parent.resolve(document) : parent;
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(part));
    return pair && { node: pair.value, offset: (pair.key as Node | null)?.range?.[0] };
  }
  if (isSeq(node) && typeof part === 'number' && part < node.items.length) {
    const item = node.items[part];
    return { node: item, offset: (item as Node | null)?.range?.[0] };
  }
  return undefined;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

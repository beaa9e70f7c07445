import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseRotation } from './root-rotation.ts';
import { certificatesIn, joined } from './root.ts';
import type { PemPair, RootState, RootStore } from './root-state.ts';

/** Gives where a root is kept. */
export function rootFiles(dir: string): { readonly cert: string; readonly key: string } {
  return { cert: path.join(dir, 'root.pem'), key: path.join(dir, 'root.key') };
}

/**
 * Keeps an authority in a folder, each file readable by its owner alone and replaced whole. The change from one root to
 * another is the renaming of one file, root.key; the order of all else lets a control plane that dies at any point go on
 * where it was.
 */
export function createFileRootStore(dir: string): RootStore {
  const { cert, key } = rootFiles(dir);
  const at = (name: string): string => path.join(dir, name);
  const next = { cert: at('next-root.pem'), key: at('next-root.key') };
  const intermediate = { cert: at('intermediate.pem'), key: at('intermediate.key') };
  const rotation = at('rotation.json');

  const read = (): RootState => {
    const state: RootState = {
      rootsPem: readPart(cert),
      keyPem: readPart(key),
      next: readPair(next),
      rotation: parseRotation(readPart(rotation)),
      intermediate: readPair(intermediate),
    };
    return withNextTrusted(state);
  };
  const write = (state: RootState, before: RootState | undefined): void => {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    // Before it is trusted, since a restart from here on must know what to go on with.
    if (state.next !== undefined) writePair(next, state.next, before?.next);
    if (state.rotation?.step === 'distribute') writePart(rotation, JSON.stringify(state.rotation));
    if (state.keyPem !== undefined && state.keyPem !== before?.keyPem) writePart(key, state.keyPem);
    if (state.next === undefined) rmSync(next.key, { force: true });
    if (state.rootsPem !== undefined) writePart(cert, state.rootsPem);
    if (state.intermediate !== undefined) writePair(intermediate, state.intermediate, before?.intermediate);
    if (state.rotation?.step === 'replace') writePart(rotation, JSON.stringify(state.rotation));
    if (state.rotation === undefined) rmSync(rotation, { force: true });
    if (state.next === undefined) rmSync(next.cert, { force: true });
  };
  return {
    read: () => {
      const nothing = !existsSync(cert) && !existsSync(key);
      return Promise.resolve(nothing ? undefined : { state: read(), version: '' });
    },
    create: (state) => {
      if (existsSync(cert) || existsSync(key)) return Promise.resolve(false);
      write(state, undefined);
      return Promise.resolve(true);
    },
    update: (state, before) => {
      write(state, before.state);
      return Promise.resolve(true);
    },
    where: at,
    beginAnew: 'remove both',
  };
}

/** A control plane that died before a new root was trusted has it trusted now. */
function withNextTrusted(state: RootState): RootState {
  const { next, rotation, rootsPem } = state;
  if (rotation?.step !== 'distribute' || next === undefined || rootsPem === undefined) return state;
  if (rootsPem.includes(next.certPem.trim())) return state;
  return { ...state, rootsPem: joined([...certificatesIn(rootsPem), next.certPem]) };
}

interface PairFiles {
  readonly cert: string;
  readonly key: string;
}

function readPair({ cert, key }: PairFiles): PemPair | undefined {
  const [certPem, keyPem] = [readPart(cert), readPart(key)];
  if (certPem === undefined && keyPem === undefined) return undefined;
  return { certPem: certPem ?? '', keyPem: keyPem ?? '' };
}

/** The certificate goes last: without it the key is nothing. */
function writePair({ cert, key }: PairFiles, pair: PemPair, before: PemPair | undefined): void {
  if (pair.certPem === before?.certPem && pair.keyPem === before.keyPem) return;
  writePart(key, pair.keyPem);
  writePart(cert, pair.certPem);
}

/** Gives what a file holds; undefined when it is not there. One that may not be read counts as damaged. */
function readPart(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : '';
  }
}

/** Replaces a file whole, readable by its owner alone. */
export function writePart(file: string, content: string): void {
  writeFileSync(`${file}.new`, content, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

import { z } from 'zod';
import { certificatesIn, joined } from './root.ts';
import type { PemPair, RootState, Rotation } from './root-state.ts';

/**
 * Another root takes the place of the mesh's root in three steps, at none of which two parts of the mesh fail to trust each
 * other (checklist 57):
 *
 * | step       | trusted   | signs | until                                                                          |
 * | ---------- | --------- | ----- | ------------------------------------------------------------------------------ |
 * | distribute | old + new | old   | every certificate has been renewed once, and its holder so been told of the new |
 * | replace    | new + old | new   | every certificate of the old root has expired                                   |
 * | (over)     | new       | new   |                                                                                |
 *
 * An intermediate is of the root that signs: with the step `replace` comes a new one.
 */
const rotationSchema = z.object({ step: z.enum(['distribute', 'replace']), sinceMs: z.number() });

/** A certificate is renewed at half of its life, and tried again for the rest of it; clocks differ, so a tenth is added. */
const SLACK = 1.1;

/** Gives when a step is over, in milliseconds since the epoch. */
export function stepEndMs({ step, sinceMs }: Rotation, lifetimeMs: number): number {
  return sinceMs + (step === 'distribute' ? lifetimeMs / 2 : lifetimeMs) * SLACK;
}

/** Gives a state in which a new root is trusted beside the old one. */
export function begun(state: RootState, next: PemPair, nowMs: number): RootState {
  return {
    ...state,
    rootsPem: joined([...rootsOf(state), next.certPem]),
    next,
    rotation: { step: 'distribute', sinceMs: nowMs },
  };
}

/** Gives the state after the step that is over. `signingPem` is the root whose key is kept. */
export function advanced(state: RootState, signingPem: string, nowMs: number): RootState {
  if (state.rotation?.step === 'replace') return { ...state, rootsPem: joined([signingPem]), rotation: undefined };
  // After a death between the change of keys and all else, the key is the new root's already, and `next` is gone.
  const signing = state.next?.certPem ?? signingPem;
  const others = rootsOf(state).filter((pem) => pem.trim() !== signing.trim());
  return {
    ...state,
    rootsPem: joined([signing, ...others]),
    keyPem: state.next?.keyPem ?? state.keyPem,
    next: undefined,
    rotation: { step: 'replace', sinceMs: nowMs },
  };
}

/** Reads a rotation; one that cannot be read is no reason not to start: what is trusted stays so, and the operator may begin anew. */
export function parseRotation(text: string | undefined): Rotation | undefined {
  try {
    return rotationSchema.parse(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}

function rootsOf({ rootsPem }: RootState): readonly string[] {
  return rootsPem === undefined ? [] : certificatesIn(rootsPem);
}

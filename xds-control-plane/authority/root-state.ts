/** A certificate with its key, in PEM. The certificate may be followed by others, which lead to a root. */
export interface PemPair {
  readonly certPem: string;
  readonly keyPem: string;
}

/** Where a change of roots stands; the steps are told in root-rotation.ts. */
export type RotationStep = 'distribute' | 'replace';

export interface Rotation {
  readonly step: RotationStep;
  readonly sinceMs: number;
}

/** All that is kept of a mesh's authority. */
export interface RootState {
  /** Roots that are trusted, the signing one first; undefined when none is kept. */
  readonly rootsPem: string | undefined;
  /** Key of the root that signs; undefined when it is kept elsewhere. */
  readonly keyPem: string | undefined;
  /** The root that is to sign next, while it is being made known. */
  readonly next: PemPair | undefined;
  readonly rotation: Rotation | undefined;
  /** What certificates are signed by in the root's place. */
  readonly intermediate: PemPair | undefined;
}

/** Parts of the state, by the names that they are kept under. */
export type RootPart = 'root.pem' | 'root.key' | 'intermediate.pem' | 'intermediate.key';

/** A state, and what tells it from a later one. */
export interface StoredRoot {
  readonly state: RootState;
  readonly version: string;
}

/** Where an authority is kept. */
export interface RootStore {
  /** Gives what is kept; undefined when nothing is. Throws CONFIG_INVALID or STORE_UNAVAILABLE. */
  read(): Promise<StoredRoot | undefined>;
  /** Keeps a first state; false when another was kept meanwhile. */
  create(state: RootState): Promise<boolean>;
  /** Replaces the state of this version; false when it has been replaced meanwhile. */
  update(state: RootState, before: StoredRoot): Promise<boolean>;
  /** Says where a part is kept, for messages. */
  where(part: RootPart): string;
  /** Says what to remove to begin a new mesh identity, for messages. */
  readonly beginAnew: string;
}

export const EMPTY_STATE: RootState = {
  rootsPem: undefined,
  keyPem: undefined,
  next: undefined,
  rotation: undefined,
  intermediate: undefined,
};

import { FrontierError } from '../../core/errors.ts';
import { parseRotation } from './root-rotation.ts';
import type { PemPair, RootState, RootStore } from './root-state.ts';

/** A Secret as it is read. */
export interface SecretContent {
  readonly data: Readonly<Record<string, string>>;
  readonly resourceVersion: string;
  /** Labels and annotations of others, which a replacement keeps. */
  readonly metadata: { readonly labels?: Record<string, string>; readonly annotations?: Record<string, string> };
}

/** One Secret of a Kubernetes API. All throw CONFIG_INVALID or STORE_UNAVAILABLE; values are plain text, not base64. */
export interface SecretApi {
  /** "Secret <namespace>/<name>", for messages. */
  readonly name: string;
  get(): Promise<SecretContent | undefined>;
  /** False when it exists already. */
  create(data: Readonly<Record<string, string>>): Promise<boolean>;
  /** False when it is no more of that version. */
  replace(data: Readonly<Record<string, string>>, before: SecretContent): Promise<boolean>;
}

/**
 * Keeps an authority in a Secret, under the names that the files have. Control planes that start at once agree on one root:
 * one creates the Secret, the others are told that it exists and read it. Later changes are made to the version that was read,
 * or not at all.
 */
export function createKubernetesRootStore(secret: SecretApi): RootStore {
  const read = new Map<string, SecretContent>();
  return {
    read: async () => {
      const content = await secret.get();
      if (content === undefined) return undefined;
      read.clear();
      read.set(content.resourceVersion, content);
      return { state: stateIn(content.data), version: content.resourceVersion };
    },
    create: (state) => secret.create(dataOf(state, {})),
    update: async (state, { version }) => {
      const before = read.get(version);
      return before !== undefined && (await secret.replace(dataOf(state, before.data), before));
    },
    where: (part) => `${part} in ${secret.name}`,
    beginAnew: `delete ${secret.name}`,
  };
}

function stateIn(data: Readonly<Record<string, string>>): RootState {
  return {
    // A Secret without a root is damaged, not absent: the root may have been in it.
    rootsPem: data['root.pem'] ?? '',
    keyPem: data['root.key'],
    next: pairIn(data, 'next-root'),
    rotation: parseRotation(data['rotation.json']),
    intermediate: pairIn(data, 'intermediate'),
  };
}

function pairIn(data: Readonly<Record<string, string>>, name: string): PemPair | undefined {
  const [certPem, keyPem] = [data[`${name}.pem`], data[`${name}.key`]];
  if (certPem === undefined && keyPem === undefined) return undefined;
  return { certPem: certPem ?? '', keyPem: keyPem ?? '' };
}

const OURS: ReadonlySet<string> = new Set([
  ...['root.pem', 'root.key', 'next-root.pem', 'next-root.key'],
  ...['intermediate.pem', 'intermediate.key', 'rotation.json'],
]);

/** What others have put beside ours stays. */
function dataOf(state: RootState, before: Readonly<Record<string, string>>): Record<string, string> {
  const others = Object.entries(before).filter(([key]) => !OURS.has(key));
  const ours = {
    'root.pem': state.rootsPem,
    'root.key': state.keyPem,
    'next-root.pem': state.next?.certPem,
    'next-root.key': state.next?.keyPem,
    'intermediate.pem': state.intermediate?.certPem,
    'intermediate.key': state.intermediate?.keyPem,
    'rotation.json': state.rotation === undefined ? undefined : JSON.stringify(state.rotation),
  };
  const set = Object.entries(ours).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries([...others, ...set]);
}

/** Tells what a failed call means to whoever has to mend it. */
export function kubernetesFailure(
  error: unknown,
  status: number | undefined,
  verb: string,
  { name, namespace }: { name: string; namespace: string },
): FrontierError {
  const where = `Secret ${namespace}/${name}`;
  const options = { cause: error };
  switch (status) {
    case 401:
      return new FrontierError(
        'CONFIG_INVALID',
        `the Kubernetes API does not accept the control plane's credentials: give it a service account, or another kubeconfig in mesh.authority.kubernetes.kubeconfig`,
        options,
      );
    case 403:
      return new FrontierError(
        'CONFIG_INVALID',
        `the Kubernetes API forbids to ${verb} ${where}: bind the Role of docs/xds.md (get, create and update of this Secret) to the control plane's service account in ${namespace}`,
        // An API server that has just started forbids everything until it has read its roles.
        { ...options, retryAfterMs: 500 },
      );
    case 404:
      return new FrontierError(
        'CONFIG_INVALID',
        `namespace ${namespace} does not exist: create it, or set mesh.authority.kubernetes.namespace`,
        options,
      );
    case undefined:
      return new FrontierError(
        'STORE_UNAVAILABLE',
        `the Kubernetes API cannot be reached to ${verb} ${where}`,
        options,
      );
    default:
      return new FrontierError(
        'STORE_UNAVAILABLE',
        `the Kubernetes API answered ${status} when asked to ${verb} ${where}`,
        options,
      );
  }
}

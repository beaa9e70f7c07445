import type { Middleware, V1ObjectMeta as MetadataMessage, V1Secret as SecretMessage } from '@kubernetes/client-node';
import { FrontierError, messageOf } from '../../core/errors.ts';
import { kubernetesFailure } from './kubernetes-root-store.ts';
import type { SecretApi, SecretContent } from './kubernetes-root-store.ts';

const REQUEST_TIMEOUT_MS = 10_000;

/** The library bounds no call itself. */
const BOUNDED: Middleware = {
  pre: (request) => {
    request.setSignal(AbortSignal.timeout(REQUEST_TIMEOUT_MS));
    return Promise.resolve(request);
  },
  post: (response) => Promise.resolve(response),
};

export interface SecretSettings {
  readonly secret: string;
  /** That of the service account or the kubeconfig's context when left out. */
  readonly namespace?: string | undefined;
  /** Path of a kubeconfig; without it $KUBECONFIG, ~/.kube/config or the pod's service account. */
  readonly kubeconfig?: string | undefined;
}

/**
 * Gives one Secret of the Kubernetes API that a kubeconfig or the pod's service account leads to. The library is read only
 * here, for it is large and most control planes have no use for it. Throws CONFIG_INVALID when there is no way to a cluster.
 */
export async function openSecret({ secret: name, namespace: wanted, kubeconfig }: SecretSettings): Promise<SecretApi> {
  const { KubeConfig, CoreV1Api, ApiException, createConfiguration, ServerConfiguration, V1ObjectMeta, V1Secret } =
    await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    const file = kubeconfig ?? 'the default kubeconfig';
    throw new FrontierError('CONFIG_INVALID', `${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  const namespace = wanted ?? config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  const server = config.getCurrentCluster()?.server;
  if (server === undefined)
    throw new FrontierError('CONFIG_INVALID', 'the kubeconfig names no cluster: set its current-context');
  const core = new CoreV1Api(
    createConfiguration({
      baseServer: new ServerConfiguration(server, {}),
      authMethods: { default: config },
      promiseMiddleware: [BOUNDED],
    }),
  );
  const message = (metadata: Partial<MetadataMessage>, data: Readonly<Record<string, string>>): SecretMessage => {
    const entries = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
    return Object.assign(new V1Secret(), {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: Object.assign(new V1ObjectMeta(), { name, namespace, ...metadata }),
      type: 'Opaque',
      data: Object.fromEntries(entries) as Record<string, string>,
    });
  };
  const statusOf = (error: unknown): number | undefined => (error instanceof ApiException ? error.code : undefined);

  /** Gives what a call gives, or one of the statuses that are an answer. */
  const call = async <Result>(
    verb: string,
    answers: readonly number[],
    run: () => Promise<Result>,
  ): Promise<Result | number> => {
    try {
      return await run();
    } catch (error) {
      const status = statusOf(error);
      if (status !== undefined && answers.includes(status)) return status;
      throw kubernetesFailure(error, status, verb, { name, namespace });
    }
  };
  return {
    name: `Secret ${namespace}/${name}`,
    get: async () => {
      const found = await call('get', [404], () => core.readNamespacedSecret({ name, namespace }));
      return typeof found === 'number' ? undefined : contentOf(found);
    },
    create: async (data) => {
      const body = message({ labels: { 'app.kubernetes.io/managed-by': 'frontier' } }, data);
      return typeof (await call('create', [409], () => core.createNamespacedSecret({ namespace, body }))) !== 'number';
    },
    replace: async (data, { resourceVersion, metadata }) => {
      const body = message({ resourceVersion, ...metadata }, data);
      // 404: it was deleted meanwhile, which the next read tells.
      const answer = await call('update', [404, 409], () => core.replaceNamespacedSecret({ name, namespace, body }));
      return typeof answer !== 'number';
    },
  };
}

function contentOf({ data = {}, metadata }: SecretMessage): SecretContent {
  const labels = metadata?.labels;
  const annotations = metadata?.annotations;
  return {
    data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()])),
    resourceVersion: metadata?.resourceVersion ?? '',
    metadata: { ...(labels === undefined ? {} : { labels }), ...(annotations === undefined ? {} : { annotations }) },
  };
}

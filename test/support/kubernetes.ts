import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { requirePart } from './require-part.ts';
import { startPart } from './process.ts';
import type { Part } from './process.ts';
import { tempFolder } from './temp-folder.ts';

const ADMIN_TOKEN = 'admin-token';

export interface KubernetesOptions {
  /** Tokens of identities under test, by user name; they may do only what RBAC grants them. */
  readonly users?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A real Kubernetes API server with its store; nothing runs pods. */
export interface RunningKubernetes {
  /** Writes a kubeconfig for whoever holds a token, and gives its path; for the administrator when left out. */
  kubeconfig(token?: string): string;
  /** One request as the administrator. */
  call(method: string, path: string, body?: object): Promise<Answer>;
  /** Makes an object, e.g. at "/api/v1/namespaces"; throws when it is refused. */
  create(path: string, body: object): Promise<void>;
  /** All that was asked of the API, as its audit log has it. */
  audit(): readonly Readonly<Record<string, unknown>>[];
  /** Ends the API server; `resume` starts it again at the same place. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

/** Starts etcd and kube-apiserver on loopback, with RBAC in force. They end with the file's tests. */
export async function startKubernetes({ users = {} }: KubernetesOptions = {}): Promise<RunningKubernetes> {
  const folder = tempFolder('kubernetes');
  const at = (name: string): string => join(folder, name);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(at('sa.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }));
  const tokens = Object.entries(users).map(([user, token]) => `${token},${user},${user}`);
  writeFileSync(at('tokens.csv'), [`${ADMIN_TOKEN},admin,admin,"system:masters"`, ...tokens, ''].join('\n'));
  const rules = [{ level: 'Metadata', resources: [{ group: '', resources: ['secrets'] }] }, { level: 'None' }];
  writeFileSync(at('audit.json'), JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }));

  const etcdUrl = `http://127.0.0.1:${await freePort()}`;
  await startPart({
    command: requirePart('etcd'),
    args: [
      ...['--data-dir', at('etcd'), '--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl],
      ...['--listen-peer-urls', 'http://127.0.0.1:0', '--unsafe-no-fsync', '--log-level', 'error'],
    ],
  });
  const port = await freePort();
  const call = (method: string, path: string, body?: object): Promise<Answer> => callApi(port, { method, path, body });
  const startApi = (): Promise<Part> =>
    startPart({
      command: requirePart('kube-apiserver'),
      args: [
        ...[
          `--etcd-servers=${etcdUrl}`,
          `--secure-port=${port}`,
          '--bind-address=127.0.0.1',
          `--cert-dir=${at('certs')}`,
        ],
        ...[`--service-account-key-file=${at('sa.key')}`, `--service-account-signing-key-file=${at('sa.key')}`],
        ...['--service-account-issuer=https://kubernetes.default.svc', `--token-auth-file=${at('tokens.csv')}`],
        ...['--authorization-mode=RBAC', '--service-cluster-ip-range=10.96.0.0/16'],
        ...['--disable-admission-plugins=ServiceAccount', `--audit-policy-file=${at('audit.json')}`],
        `--audit-log-path=${at('audit.log')}`,
      ],
      ready: async () => (await call('GET', '/readyz')).status === 200,
      readyTimeoutMs: 120_000,
    });
  let api = await startApi();
  let configs = 0;
  return {
    kubeconfig: (token = ADMIN_TOKEN) => {
      configs += 1;
      const file = at(`kubeconfig-${configs}.json`);
      writeFileSync(file, JSON.stringify(kubeconfigFor(port, token, at('certs/apiserver.crt'))));
      return file;
    },
    call,
    create: async (path, body) => {
      const { status, body: answer } = await call('POST', path, body);
      if (status >= 300) throw new Error(`${path}: ${status} ${JSON.stringify(answer)}`);
    },
    audit: () => {
      const lines = readFileSync(at('audit.log'), 'utf8').trim().split('\n');
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    pause: () => api.stop(),
    resume: async () => {
      api = await startApi();
    },
  };
}

/** YAML takes JSON. */
function kubeconfigFor(port: number, token: string, caFile: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'lab', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority': caFile } }],
    users: [{ name: 'user', user: { token } }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'user' } }],
    'current-context': 'lab',
  };
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: object | undefined;
}

function callApi(port: number, { method, path, body }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
    // The administrator of a test reaches no further than loopback.
    const options = { host: '127.0.0.1', port, method, path, headers, rejectUnauthorized: false };
    const outgoing = request(options, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      incoming.once('end', () => {
        const isJson = incoming.headers['content-type']?.includes('json') === true;
        resolve({ status: incoming.statusCode ?? 0, body: isJson ? JSON.parse(text) : text });
      });
    });
    outgoing.once('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../core/clock.ts';
import { loadConfig } from '../../core/config/load.ts';
import { createLogger } from '../../core/logging.ts';
import { rootPemPath } from '../../core/service/service-identity.ts';
import { openRoots } from '../../xds-control-plane/authority/open-authority.ts';
import type { RootKeeper } from '../../xds-control-plane/authority/root-keeper.ts';
import { certificatesIn } from '../../xds-control-plane/authority/root.ts';
import { onCleanup } from '../support/cleanup.ts';
import { eventually } from '../support/eventually.ts';
import { writeConfig } from '../support/frontier-config.ts';
import type { OrchestrationInput } from '../support/frontier-config.ts';
import { startKubernetes } from '../support/kubernetes.ts';
import type { RunningKubernetes } from '../support/kubernetes.ts';
import { describeWith } from '../support/parts.ts';
import { requirePart } from '../support/require-part.ts';

/** The Role that docs/xds.md gives, as it stands there. */
const DOCS = readFileSync(new URL('../../docs/xds.md', import.meta.url), 'utf8');
const SECRETS = '/api/v1/namespaces/mesh/secrets';
const PATIENT = { timeoutMs: 60_000 };

interface ControlPlane {
  readonly roots: RootKeeper;
  readonly rootFile: string;
  readonly logged: () => string;
}

/** A real API server; its RBAC is in force for whoever is not the administrator. */
describeWith('kube-apiserver', 'the root in a Kubernetes Secret', () => {
  let kubernetes: RunningKubernetes;

  beforeAll(async () => {
    requirePart('etcd');
    kubernetes = await startKubernetes({ users: { 'control-plane': 'mesh-token', stranger: 'stranger-token' } });
    await kubernetes.create('/api/v1/namespaces', { metadata: { name: 'mesh' } });
    const [role, binding] = manifests();
    await kubernetes.create('/apis/rbac.authorization.k8s.io/v1/namespaces/mesh/roles', role);
    await kubernetes.create('/apis/rbac.authorization.k8s.io/v1/namespaces/mesh/rolebindings', {
      ...binding,
      subjects: [{ kind: 'User', name: 'control-plane', apiGroup: 'rbac.authorization.k8s.io' }],
    });
  }, 180_000);

  /** Opens the authority as a control plane does, with a data directory of its own. */
  async function start(
    settings: OrchestrationInput = {},
    { token = 'mesh-token', namespace = 'mesh', secret = 'frontier-root' } = {},
  ): Promise<ControlPlane> {
    const authority = {
      root: 'kubernetes',
      kubernetes: { namespace, secret, kubeconfig: kubernetes.kubeconfig(token) },
    };
    const { authority: more, ...mesh } = settings as { authority?: OrchestrationInput };
    const folder = writeConfig(
      { mesh: { ...mesh, authority: { ...authority, ...more } }, storage: { data_dir: 'data' } },
      [],
    );
    const config = loadConfig({ path: join(folder, 'orchestration-config.yaml'), env: {} });
    const lines: string[] = [];
    const destination = { write: (line: string): unknown => lines.push(line) };
    const log = createLogger({ service: 'control-plane', level: 'debug', destination });
    const roots = await openRoots(config, systemClock, log);
    onCleanup(() => {
      roots.close();
      return Promise.resolve();
    });
    return { roots, rootFile: rootPemPath(config), logged: () => lines.join('') };
  }
  const secretData = async (name: string): Promise<Record<string, string>> => {
    const { body } = await kubernetes.call('GET', `${SECRETS}/${name}`);
    const { data } = body as { data: Record<string, string> };
    return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]));
  };

  test('control planes that start at once agree on one root, under the least of rights; no key leaves the Secret', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => start()));
    const kept = await secretData('frontier-root');
    expect(Object.keys(kept).sort()).toEqual(['root.key', 'root.pem']);
    for (const { roots, rootFile, logged } of all) {
      expect(roots.current().rootPem.trim()).toBe(kept['root.pem']?.trim());
      expect(readFileSync(rootFile, 'utf8').trim()).toBe(kept['root.pem']?.trim());
      expect(existsSync(rootFile.replace('root.pem', 'root.key'))).toBe(false);
      expect(logged()).not.toContain('PRIVATE KEY');
    }
    const asked = kubernetes.audit().filter(({ user }) => (user as { username: string }).username === 'control-plane');
    const verbs = new Set(asked.map(({ verb }) => verb as string));
    expect([...verbs].sort()).toEqual(['create', 'get']);
    for (const { roots } of all) roots.close();
  }, 120_000);

  test('a rotation that one begins is gone through by all, each step once, with an intermediate besides', async () => {
    const settings = { certificate_lifetime: 4, authority: { intermediate: {} } };
    const where = { secret: 'rotating' };
    const [first, second] = await Promise.all([start(settings, where), start(settings, where)]);
    const old = first.roots.current().rootPem;
    expect(second.roots.current().chainPem).toBe(first.roots.current().chainPem);
    await kubernetes.call('GET', `${SECRETS}/rotating`);
    const begun = await Promise.allSettled([first.roots.begin(), second.roots.begin()]);
    expect(begun.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(begun.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { reason: 'ROTATION_UNDER_WAY' },
    });
    await eventually(
      () => [first, second].every(({ roots }) => certificatesIn(roots.current().bundlePem).length === 2),
      {
        ...PATIENT,
        what: 'both to trust both roots',
      },
    );
    // One that starts in the middle goes on with it.
    const third = await start(settings, where);
    const all = [first, second, third];
    await eventually(
      () => all.every(({ roots }) => roots.rotation() === undefined && roots.current().rootPem.trim() !== old.trim()),
      { ...PATIENT, what: 'the rotation to be over' },
    );
    expect(new Set(all.map(({ roots }) => roots.current().bundlePem)).size).toBe(1);
    expect(new Set(all.map(({ roots }) => roots.current().chainPem)).size).toBe(1);
    expect(certificatesIn(first.roots.current().bundlePem)).toHaveLength(1);
    expect(Object.keys(await secretData('rotating')).sort()).toEqual([
      ...['intermediate.key', 'intermediate.pem', 'root.key', 'root.pem'],
    ]);
    expect(all.map(({ logged }) => logged()).join('')).not.toContain('PRIVATE KEY');
    for (const { roots } of all) roots.close();
  }, 180_000);

  test('what others have put into the Secret stays', async () => {
    const settings = { certificate_lifetime: 4 };
    const { roots } = await start(settings, { secret: 'shared' });
    const { body } = await kubernetes.call('GET', `${SECRETS}/shared`);
    const secret = body as { metadata: object; data: object };
    await kubernetes.call('PUT', `${SECRETS}/shared`, {
      ...secret,
      metadata: { ...secret.metadata, annotations: { owner: 'us' } },
      data: { ...secret.data, note: Buffer.from('kept').toString('base64') },
    });
    await roots.begin();
    const after = (await kubernetes.call('GET', `${SECRETS}/shared`)).body as {
      metadata: { annotations: Record<string, string> };
    };
    expect(after.metadata.annotations['owner']).toBe('us');
    expect(await secretData('shared')).toMatchObject({ note: 'kept', 'rotation.json': expect.any(String) });
    roots.close();
  }, 60_000);

  test('a Secret that is damaged or deleted while running is told, and what was in force goes on', async () => {
    const { roots, logged } = await start({ certificate_lifetime: 20 }, { secret: 'damaged' });
    const inForce = roots.current();
    const good = (await kubernetes.call('GET', `${SECRETS}/damaged`)).body as {
      metadata: { resourceVersion?: string };
      data: object;
    };
    // Without a version it is replaced whatever it is now.
    delete good.metadata.resourceVersion;
    await kubernetes.call('PUT', `${SECRETS}/damaged`, { ...good, data: { 'root.pem': 'bm9uc2Vuc2U=' } });
    await eventually(() => logged().includes('root.pem in Secret mesh/damaged is missing or damaged'), {
      ...PATIENT,
      what: 'the damage to be told',
    });
    await expect(start({}, { secret: 'damaged' })).rejects.toThrow(
      /root\.pem in Secret mesh\/damaged is missing or damaged: restore .*delete Secret mesh\/damaged/,
    );
    const another = (await kubernetes.call('GET', `${SECRETS}/shared`)).body as { data: Record<string, string> };
    await kubernetes.call('PUT', `${SECRETS}/damaged`, {
      ...good,
      data: { ...good.data, 'root.key': another.data['root.key'] },
    });
    await eventually(
      () => logged().includes('root.pem in Secret mesh/damaged and root.key in Secret mesh/damaged do not'),
      {
        ...PATIENT,
        what: 'the key of another root to be told',
      },
    );
    await kubernetes.call('DELETE', `${SECRETS}/damaged`);
    await eventually(() => logged().includes('root.pem in Secret mesh/damaged is gone'), {
      ...PATIENT,
      what: 'the loss to be told',
    });
    expect(roots.current()).toBe(inForce);
    expect((await kubernetes.call('GET', `${SECRETS}/damaged`)).status).toBe(404);
    roots.close();
  }, 120_000);

  test('an API server that is away is waited for at the start, and does no harm later', async () => {
    const running = await start({ certificate_lifetime: 20 }, { secret: 'away' });
    await kubernetes.pause();
    const waiting = start({}, { secret: 'away' });
    await eventually(() => running.logged().includes('cannot be reached to get Secret mesh/away'), {
      ...PATIENT,
      what: 'the outage to be told',
    });
    await kubernetes.resume();
    const late = await waiting;
    expect(late.roots.current().rootPem).toBe(running.roots.current().rootPem);
    for (const { roots } of [late, running]) roots.close();
  }, 180_000);

  describe('bad input is told with its fix', () => {
    test.each<[string, Parameters<typeof start>[1], RegExp]>([
      [
        'no right to read',
        { token: 'stranger-token' },
        /forbids to get Secret mesh\/frontier-root: bind the Role of docs\/xds\.md/,
      ],
      ['a token that is not known', { token: 'nonsense' }, /does not accept the control plane's credentials/],
      ['another Secret than the Role is for', { secret: 'other' }, /forbids to get Secret mesh\/other: bind the Role/],
      [
        'a namespace without the Role',
        { namespace: 'default' },
        /forbids to get Secret default\/frontier-root: .*in default/,
      ],
      [
        'a namespace that does not exist',
        { namespace: 'nowhere', token: 'admin-token' },
        /namespace nowhere does not exist: create it/,
      ],
    ])('%s', async (_, where, text) => {
      await expect(start({}, where)).rejects.toMatchObject({
        reason: 'CONFIG_INVALID',
        message: expect.stringMatching(text),
      });
    });
  });
});

/** Gives the Role and the RoleBinding of the documentation, for the Secrets of these tests too. */
function manifests(): [Record<string, unknown>, Record<string, unknown>] {
  const blocks = [...DOCS.matchAll(/```yaml\n(apiVersion: rbac[^`]*)```/g)].map((match) => match[1] ?? '');
  const [text = ''] = blocks;
  const [role, binding] = parseAllDocuments(text).map((document) => document.toJS() as Record<string, unknown>);
  if (role === undefined || binding === undefined) throw new Error('docs/xds.md has no Role and RoleBinding');
  const rules = role['rules'] as { resourceNames?: string[] }[];
  for (const rule of rules) rule.resourceNames?.push('rotating', 'shared', 'damaged', 'away');
  return [role, binding];
}

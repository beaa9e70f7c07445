import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createManualClock } from '../../core/clock.ts';
import type { ManualClock } from '../../core/clock.ts';
import { eventually } from '../../test/support/eventually.ts';
import { createCertificateRequest } from '../../core/identity/key-pair.ts';
import { createLogger, silentLogger } from '../../core/logging.ts';
import { createAuthority } from './authority.ts';
import { createFileRootStore, rootFiles } from './file-root-store.ts';
import { createIntermediate } from './intermediate.ts';
import { openRootKeeper } from './root-keeper.ts';
import type { RootKeeper } from './root-keeper.ts';
import type { IntermediateSource } from './due-steps.ts';
import { certificatesIn, createRoot } from './root.ts';
import type { PemPair } from './root-state.ts';

const NOW = 1_800_000_000_000;
const LIFETIME = 60_000;
const OWN: IntermediateSource = { kind: 'own', lifetimeMs: 10 * LIFETIME };
const TRUST_DOMAIN = 'frontier.local';
const ALPHA = 'spiffe://frontier.local/ns/default/module/alpha';
let dir: string;
let clock: ManualClock;

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'frontier-intermediate-'));
  clock = createManualClock(NOW);
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const at = (name: string): string => path.join(dir, name);
const open = (intermediate: IntermediateSource = OWN, log = silentLogger): Promise<RootKeeper> =>
  openRootKeeper({
    store: createFileRootStore(dir),
    intermediate,
    trustDomain: TRUST_DOMAIN,
    lifetimeMs: LIFETIME,
    clock,
    log,
  });

async function pass(ms: number, until: () => boolean): Promise<void> {
  await clock.advance(ms);
  // Keys are made and checked in threads, which the clock of the test knows nothing of.
  await eventually(until, { what: 'what time has brought about', everyMs: 1 });
}

/** Gives what a workload would be handed. */
async function issue(keeper: RootKeeper): Promise<{ chain: X509Certificate[]; bundle: X509Certificate[] }> {
  const options = { trustDomain: TRUST_DOMAIN, namespace: 'default', lifetimeMs: LIFETIME };
  const authority = createAuthority({ signer: () => keeper.current(), ...options });
  const { chainPem, bundlePem } = await authority.issue(
    (await createCertificateRequest(ALPHA)).csrPem,
    ALPHA,
    clock.nowMs(),
  );
  const read = (pems: readonly string[]): X509Certificate[] => pems.map((pem) => new X509Certificate(pem));
  return { chain: read(certificatesIn(chainPem)), bundle: read(certificatesIn(bundlePem)) };
}

/** Whether a chain leads to a root of a bundle, each certificate signed by the next. */
function leads(chain: readonly X509Certificate[], bundle: readonly X509Certificate[]): boolean {
  return chain.every((certificate, index) => {
    const issuers = index === chain.length - 1 ? bundle : chain.slice(index + 1, index + 2);
    return issuers.some((issuer) => certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey));
  });
}

describe('an intermediate that is made here', () => {
  test('signs in the root’s place, may sign no authorities, and comes with each certificate', async () => {
    const keeper = await open();
    const { chain, bundle } = await issue(keeper);
    expect(chain).toHaveLength(2);
    expect(bundle.map(({ subject }) => subject)).toEqual([chain[1]?.issuer]);
    expect(leads(chain, bundle)).toBe(true);
    expect([chain[0]?.ca, chain[1]?.ca]).toEqual([false, true]);
    expect(chain[1]?.validToDate.getTime()).toBe(NOW + 10 * LIFETIME);
    keeper.close();
    const again = await open();
    expect(again.current().chainPem).toBe(keeper.current().chainPem);
    again.close();
  });

  test('is renewed at half of its life, and nobody needs be told', async () => {
    const keeper = await open();
    const first = keeper.current().chainPem;
    let told = 0;
    keeper.onChange(() => (told += 1));
    await pass(4.4 * LIFETIME, () => keeper.current().chainPem === first);
    await pass(0.6 * LIFETIME, () => keeper.current().chainPem !== first);
    const { chain, bundle } = await issue(keeper);
    expect(leads(chain, bundle)).toBe(true);
    expect(chain[0]?.validToDate.getTime()).toBe(clock.nowMs() + LIFETIME);
    expect(told).toBe(0);
    keeper.close();
  });

  test('without the root’s key it goes on to its end, and is renewed once the key is back', async () => {
    (await open()).close();
    const key = readFileSync(rootFiles(dir).key);
    rmSync(rootFiles(dir).key);
    const warnings: unknown[] = [];
    const destination = {
      write: (line: string): void => {
        const { event, expires } = JSON.parse(line) as Record<string, unknown>;
        if (event === 'intermediate_expires') warnings.push(expires);
      },
    };
    const keeper = await open(OWN, createLogger({ service: 'test', level: 'info', destination }));
    const first = keeper.current().chainPem;
    await expect(keeper.begin()).rejects.toMatchObject({ reason: 'ROOT_KEY_ABSENT' });
    await pass(6 * LIFETIME, () => keeper.current().chainPem === first);
    expect(warnings).toEqual([new Date(NOW + 10 * LIFETIME).toISOString()]);
    expect(leads((await issue(keeper)).chain, (await issue(keeper)).bundle)).toBe(true);
    await pass(5 * LIFETIME, () => true);
    await expect(issue(keeper)).rejects.toMatchObject({ reason: 'SERVICE_UNAVAILABLE' });
    writeFileSync(rootFiles(dir).key, key);
    await pass(5_000, () => keeper.current().chainPem !== first);
    keeper.close();
  });

  test('the root is replaced in three steps; with the new one comes a new intermediate', async () => {
    const keeper = await open();
    const before = await issue(keeper);
    await keeper.begin();
    const distributed = await issue(keeper);
    expect(distributed.bundle).toHaveLength(2);
    expect(leads(before.chain, distributed.bundle) && leads(distributed.chain, before.bundle)).toBe(true);
    await pass(LIFETIME * 0.56, () => keeper.rotation()?.step === 'replace');
    const replaced = await issue(keeper);
    expect(replaced.chain[1]?.issuer).not.toBe(distributed.chain[1]?.issuer);
    expect(leads(distributed.chain, replaced.bundle) && leads(replaced.chain, distributed.bundle)).toBe(true);
    await pass(LIFETIME * 1.2, () => keeper.rotation() === undefined);
    const after = await issue(keeper);
    expect(after.bundle).toHaveLength(1);
    expect(leads(replaced.chain, after.bundle) && leads(after.chain, replaced.bundle)).toBe(true);
    expect(leads(distributed.chain, after.bundle)).toBe(false);
    keeper.close();
  });

  test.each(['intermediate.pem', 'intermediate.key'])(
    'a damaged %s is made anew while the root’s key is at hand',
    async (file) => {
      (await open()).close();
      writeFileSync(at(file), readFileSync(at(file), 'utf8').slice(0, 100));
      const keeper = await open();
      const { chain, bundle } = await issue(keeper);
      expect(leads(chain, bundle)).toBe(true);
      keeper.close();
    },
  );

  test('a damaged one without the root’s key is named, with what to do', async () => {
    (await open()).close();
    rmSync(rootFiles(dir).key);
    writeFileSync(at('intermediate.pem'), 'nonsense');
    await expect(open()).rejects.toThrow(/intermediate\.pem is missing or damaged: put root\.key back/);
  });

  test('a root of an earlier version, which allows none below it, is named', async () => {
    const { certPem, keyPem } = await createRoot(TRUST_DOMAIN, NOW, 0);
    writeFileSync(rootFiles(dir).cert, certPem);
    writeFileSync(rootFiles(dir).key, keyPem);
    await expect(open()).rejects.toThrow(/root\.pem allows no intermediate below it \(path length 0\): .*rotate-root/);
    expect(existsSync(at('intermediate.pem'))).toBe(false);
  });
});

describe('an intermediate that is given', () => {
  let root: PemPair;
  let pair: PemPair;
  const files = (): IntermediateSource => ({
    kind: 'given',
    read: () => ({
      pair: { certPem: readFileSync(at('given.pem'), 'utf8'), keyPem: readFileSync(at('given.key'), 'utf8') },
      certPath: at('given.pem'),
      keyPath: at('given.key'),
    }),
  });
  const give = ({ certPem, keyPem }: PemPair): void => {
    writeFileSync(at('given.key'), keyPem);
    writeFileSync(at('given.pem'), certPem);
  };
  const made = (of: PemPair, lifetimeMs = 10 * LIFETIME, trustDomain = TRUST_DOMAIN): Promise<PemPair> =>
    createIntermediate({ root: of, trustDomain, lifetimeMs, nowMs: clock.nowMs() });

  beforeEach(async () => {
    root = await createRoot(TRUST_DOMAIN, NOW);
    pair = await made(root);
    writeFileSync(rootFiles(dir).cert, root.certPem);
    give(pair);
  });

  test('needs the root’s certificate alone, and no root is made beside it', async () => {
    const keeper = await open(files());
    const { chain, bundle } = await issue(keeper);
    expect(leads(chain, bundle)).toBe(true);
    expect(existsSync(rootFiles(dir).key)).toBe(false);
    keeper.close();
    rmSync(rootFiles(dir).cert);
    await expect(open(files())).rejects.toThrow(/root\.pem is missing: put the root's certificate there/);
  });

  test('is taken anew when its files change, and the root is replaced by hand in three steps', async () => {
    const keeper = await open(files());
    const before = await issue(keeper);
    let told = 0;
    keeper.onChange(() => (told += 1));
    await expect(keeper.begin()).rejects.toMatchObject({ reason: 'ROOT_KEY_ABSENT' });
    const coming = await createRoot(TRUST_DOMAIN, clock.nowMs());
    writeFileSync(rootFiles(dir).cert, root.certPem + coming.certPem);
    await pass(5_000, () => told === 1);
    const distributed = await issue(keeper);
    expect(distributed.bundle).toHaveLength(2);
    give(await made(coming));
    await pass(5_000, () => told === 2);
    const replaced = await issue(keeper);
    expect(leads(replaced.chain, distributed.bundle) && leads(before.chain, replaced.bundle)).toBe(true);
    writeFileSync(rootFiles(dir).cert, coming.certPem);
    await pass(5_000, () => told === 3);
    expect(leads(replaced.chain, (await issue(keeper)).bundle)).toBe(true);
    keeper.close();
  });

  type Damage = () => Promise<void> | void;
  test.each<[string, Damage, RegExp]>([
    [
      'a key of another',
      async () => {
        give({ ...pair, keyPem: (await made(root)).keyPem });
      },
      /given\.pem and .*given\.key do not belong together/,
    ],
    [
      'a half-written certificate',
      () => {
        writeFileSync(at('given.pem'), pair.certPem.slice(0, 200));
      },
      /given\.pem is missing or damaged/,
    ],
    [
      'a half-written key',
      () => {
        writeFileSync(at('given.key'), pair.keyPem.slice(0, 60));
      },
      /given\.key is missing or damaged/,
    ],
    [
      'one of another root',
      async () => {
        give(await made(await createRoot(TRUST_DOMAIN, NOW)));
      },
      /given\.pem does not lead to a root in .*root\.pem/,
    ],
    [
      'one that has expired',
      async () => {
        give(await made(root, -1));
      },
      /given\.pem has expired/,
    ],
    [
      'one of another trust domain',
      async () => {
        give(await made(root, LIFETIME, 'other.example'));
      },
      /another trust domain than frontier\.local/,
    ],
    [
      'a certificate of no authority',
      async () => {
        give(await leafOf(root));
      },
      /given\.pem is not of a certificate authority/,
    ],
    [
      'one below an authority that allows none',
      async () => {
        const below = await made(pair);
        give({ ...below, certPem: below.certPem + pair.certPem });
      },
      /certificate 2 in .*given\.pem allows fewer authorities below it than there are \(path length\)/,
    ],
  ])('%s is refused at the start, and while running the old one goes on', async (_, damage, text) => {
    const keeper = await open(files());
    const inForce = keeper.current();
    await damage();
    await expect(open(files())).rejects.toThrow(text);
    await expect(open(files())).rejects.toThrow(/mesh\.authority\.intermediate\.cert_file/);
    await pass(10_000, () => keeper.current() === inForce);
    expect(leads((await issue(keeper)).chain, (await issue(keeper)).bundle)).toBe(true);
    give(await made(root));
    await pass(5_000, () => keeper.current() !== inForce);
    keeper.close();
  });
});

/** Gives a certificate that a root has signed for a workload. */
async function leafOf(root: PemPair): Promise<PemPair> {
  const folder = mkdtempSync(path.join(tmpdir(), 'frontier-leaf-'));
  writeFileSync(rootFiles(folder).cert, root.certPem);
  writeFileSync(rootFiles(folder).key, root.keyPem);
  const keeper = await openRootKeeper({
    store: createFileRootStore(folder),
    intermediate: { kind: 'none' },
    trustDomain: TRUST_DOMAIN,
    lifetimeMs: LIFETIME,
    clock,
    log: silentLogger,
  });
  keeper.close();
  rmSync(folder, { recursive: true });
  const { csrPem, keyPem } = await createCertificateRequest(ALPHA);
  const mesh = { trustDomain: TRUST_DOMAIN, namespace: 'default', lifetimeMs: LIFETIME };
  const { chainPem } = await createAuthority({ signer: () => keeper.current(), ...mesh }).issue(csrPem, ALPHA, NOW);
  return { certPem: chainPem, keyPem };
}

import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createManualClock } from '../../core/clock.ts';
import type { ManualClock } from '../../core/clock.ts';
import { eventually } from '../../test/support/eventually.ts';
import { createCertificateRequest } from '../../core/identity/key-pair.ts';
import { silentLogger } from '../../core/logging.ts';
import { createAuthority } from './authority.ts';
import { createFileRootStore, rootFiles } from './file-root-store.ts';
import { openRootKeeper } from './root-keeper.ts';
import type { RootKeeper } from './root-keeper.ts';
import type { IntermediateSource } from './due-steps.ts';
import { certificatesIn, createRoot } from './root.ts';

const NOW = 1_800_000_000_000;
const LIFETIME = 60_000;
const ALPHA = 'spiffe://frontier.local/ns/default/module/alpha';
let dir: string;
let clock: ManualClock;

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'frontier-rotation-'));
  clock = createManualClock(NOW);
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const open = (intermediate: IntermediateSource = { kind: 'none' }): Promise<RootKeeper> =>
  openRootKeeper({
    store: createFileRootStore(dir),
    intermediate,
    trustDomain: 'frontier.local',
    lifetimeMs: LIFETIME,
    clock,
    log: silentLogger,
  });

/** Lets time pass, and what it brings about be done with. */
async function pass(ms: number, until: () => boolean): Promise<void> {
  await clock.advance(ms);
  // Keys are made and checked in threads, which the clock of the test knows nothing of.
  await eventually(until, { what: 'what time has brought about', everyMs: 1 });
}

async function issue(keeper: RootKeeper): Promise<{ leaf: X509Certificate; bundle: readonly X509Certificate[] }> {
  const authority = createAuthority({
    signer: () => keeper.current(),
    trustDomain: 'frontier.local',
    namespace: 'default',
    lifetimeMs: LIFETIME,
  });
  const { csrPem } = await createCertificateRequest(ALPHA);
  const { chainPem, bundlePem } = await authority.issue(csrPem, ALPHA, clock.nowMs());
  return {
    leaf: new X509Certificate(chainPem),
    bundle: certificatesIn(bundlePem).map((pem) => new X509Certificate(pem)),
  };
}

/** Whether the holders of two things issued at different times trust each other. */
function trusts(
  { bundle }: Pick<Awaited<ReturnType<typeof issue>>, 'bundle'>,
  { leaf }: Pick<Awaited<ReturnType<typeof issue>>, 'leaf'>,
): boolean {
  return bundle.some((root) => leaf.verify(root.publicKey));
}

test('at each step whoever has renewed in time trusts, and is trusted by, everybody; at the end the old root is nothing', async () => {
  const keeper = await open();
  const before = await issue(keeper);
  let told = 0;
  keeper.onChange(() => (told += 1));
  await keeper.begin();
  const distributed = await issue(keeper);
  expect(distributed.bundle).toHaveLength(2);
  expect(trusts(before, distributed) && trusts(distributed, before)).toBe(true);
  await expect(keeper.begin()).rejects.toMatchObject({ reason: 'ROTATION_UNDER_WAY' });

  await pass(LIFETIME * 0.56, () => keeper.rotation()?.step === 'replace');
  const replaced = await issue(keeper);
  expect(trusts(distributed, replaced) && trusts(replaced, distributed)).toBe(true);
  expect(trusts(before, replaced)).toBe(false);

  await pass(LIFETIME * 1.2, () => keeper.rotation() === undefined);
  const after = await issue(keeper);
  expect(after.bundle).toHaveLength(1);
  expect(trusts(replaced, after) && trusts(after, replaced)).toBe(true);
  expect(trusts(after, distributed)).toBe(false);
  expect(told).toBe(3);
  expect(
    ['rotation.json', 'next-root.key', 'next-root.pem'].filter((file) => existsSync(path.join(dir, file))),
  ).toEqual([]);
  expect(statSync(rootFiles(dir).key).mode & 0o777).toBe(0o600);
  keeper.close();
});

test('a control plane that is started again goes on with the step that it was at', async () => {
  const first = await open();
  await first.begin();
  first.close();
  const second = await open();
  expect(second.rotation()?.step).toBe('distribute');
  expect(certificatesIn(second.current().bundlePem)).toHaveLength(2);
  await pass(LIFETIME * 0.56, () => second.rotation()?.step === 'replace');
  second.close();
  const third = await open();
  expect(third.current().rootPem).toBe(second.current().rootPem);
  // Time that passed while it was down counts.
  await pass(LIFETIME * 1.2, () => third.rotation() === undefined);
  third.close();
});

test.each<[string, (pems: Awaited<ReturnType<typeof createRoot>>) => void, number]>([
  [
    'before the new root was trusted',
    ({ certPem, keyPem }) => {
      writeFileSync(path.join(dir, 'next-root.key'), keyPem);
      writeFileSync(path.join(dir, 'next-root.pem'), certPem);
      writeFileSync(path.join(dir, 'rotation.json'), JSON.stringify({ step: 'distribute', sinceMs: NOW }));
    },
    0,
  ],
  [
    'when the key had just been changed',
    ({ certPem, keyPem }) => {
      writeFileSync(rootFiles(dir).cert, readFileSync(rootFiles(dir).cert, 'utf8') + certPem);
      writeFileSync(rootFiles(dir).key, keyPem);
      writeFileSync(path.join(dir, 'rotation.json'), JSON.stringify({ step: 'distribute', sinceMs: NOW }));
    },
    1,
  ],
])('a control plane that dies %s still gets to the end', async (_, damage, signing) => {
  const first = await open();
  const old = first.current().rootPem;
  first.close();
  const coming = await createRoot('frontier.local', NOW);
  damage(coming);
  const keeper = await open();
  expect(certificatesIn(keeper.current().bundlePem)).toHaveLength(2);
  expect(keeper.current().rootPem.trim()).toBe([old, coming.certPem][signing]?.trim());
  await pass(LIFETIME * 0.56, () => keeper.rotation()?.step === 'replace');
  await pass(LIFETIME * 1.2, () => keeper.rotation() === undefined);
  expect(keeper.current().bundlePem.trim()).toBe(coming.certPem.trim());
  keeper.close();
});

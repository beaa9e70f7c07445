import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createManualClock } from '../../core/clock.ts';
import { createCertificateRequest } from '../../core/identity/key-pair.ts';
import { silentLogger } from '../../core/logging.ts';
import { createAuthority } from './authority.ts';
import type { Authority } from './authority.ts';
import { createIssuedIdentity } from './issued-identity.ts';
import type { IssuedIdentity } from './issued-identity.ts';
import { createNodeIdentities } from './node-identities.ts';
import { createFileRootStore } from './file-root-store.ts';
import { openRootKeeper } from './root-keeper.ts';
import type { Signer } from './signer.ts';

const NOW = 1_800_000_000_000;
const DAY = 86_400_000;
const ALPHA = 'spiffe://frontier.local/ns/default/module/alpha';
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'frontier-root-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

/** Gives what the root in `dir` signs with; it is made when there is none. */
async function loadOrCreateRoot(folder: string, trustDomain: string, nowMs: number): Promise<Signer> {
  const keeper = await openRootKeeper({
    store: createFileRootStore(folder),
    intermediate: { kind: 'none' },
    trustDomain,
    lifetimeMs: DAY,
    clock: createManualClock(nowMs),
    log: silentLogger,
  });
  keeper.close();
  return keeper.current();
}

async function authorityAt(nowMs: number, lifetimeMs = DAY): Promise<Authority> {
  const root = await loadOrCreateRoot(dir, 'frontier.local', nowMs);
  return createAuthority({ signer: () => root, trustDomain: 'frontier.local', namespace: 'default', lifetimeMs });
}

describe('the root', () => {
  test('is made once and kept, its key for its owner only', async () => {
    const first = await loadOrCreateRoot(dir, 'frontier.local', NOW);
    const second = await loadOrCreateRoot(dir, 'frontier.local', NOW + DAY);
    expect(second.rootPem).toBe(first.rootPem);
    expect(statSync(path.join(dir, 'root.key')).mode & 0o777).toBe(0o600);
    const certificate = new X509Certificate(first.rootPem);
    expect([certificate.ca, certificate.subjectAltName]).toEqual([true, 'URI:spiffe://frontier.local']);
  });

  test.each<[string, () => void, RegExp]>([
    [
      'a damaged certificate',
      () => {
        writeFileSync(path.join(dir, 'root.pem'), 'nonsense');
      },
      /root.pem is missing or damaged/,
    ],
    [
      'a damaged key',
      () => {
        writeFileSync(path.join(dir, 'root.key'), 'nonsense');
      },
      /root.key is missing or damaged/,
    ],
    [
      'a missing key',
      () => {
        rmSync(path.join(dir, 'root.key'));
      },
      /root.key is missing or damaged/,
    ],
    [
      'a missing certificate',
      () => {
        rmSync(path.join(dir, 'root.pem'));
      },
      /root.pem is missing or damaged/,
    ],
  ])('is not made anew over %s, which is named', async (_, damage, text) => {
    await loadOrCreateRoot(dir, 'frontier.local', NOW);
    damage();
    await expect(loadOrCreateRoot(dir, 'frontier.local', NOW)).rejects.toMatchObject({
      reason: 'CONFIG_INVALID',
      message: expect.stringMatching(text),
    });
  });

  test('is refused when its key is of another root, it has expired or serves another trust domain', async () => {
    await loadOrCreateRoot(dir, 'frontier.local', NOW);
    await expect(loadOrCreateRoot(dir, 'other.example', NOW)).rejects.toThrow(/another trust domain/);
    await expect(loadOrCreateRoot(dir, 'frontier.local', NOW + 11 * 365 * DAY)).rejects.toThrow(/has expired/);
    const key = readFileSync(path.join(dir, 'root.key'));
    rmSync(path.join(dir, 'root.key'));
    rmSync(path.join(dir, 'root.pem'));
    await loadOrCreateRoot(dir, 'frontier.local', NOW);
    writeFileSync(path.join(dir, 'root.key'), key);
    await expect(loadOrCreateRoot(dir, 'frontier.local', NOW)).rejects.toThrow(/do not belong together/);
  });
});

describe('certificates', () => {
  test('bear the one name, are signed by the root, are no authority, and last as configured from a little before now', async () => {
    const authority = await authorityAt(NOW);
    const { csrPem } = await createCertificateRequest(ALPHA);
    const issued = await authority.issue(csrPem, ALPHA, NOW);
    const leaf = new X509Certificate(issued.chainPem);
    expect(leaf.subjectAltName).toBe(`URI:${ALPHA}`);
    expect(leaf.verify(new X509Certificate(issued.bundlePem).publicKey)).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(leaf.validFromDate.getTime()).toBe(NOW - 300_000);
    expect(leaf.validToDate.getTime()).toBe(NOW + DAY);
    expect(issued.renewAtMs).toBe(NOW + DAY / 2);
  });

  test('never outlive the root', async () => {
    const authority = await authorityAt(NOW, 20 * 365 * DAY);
    const { csrPem } = await createCertificateRequest(ALPHA);
    expect((await authority.issue(csrPem, ALPHA, NOW)).expiresAtMs).toBe(authority.rootExpiresAtMs);
  });

  test('have serial numbers of their own', async () => {
    const authority = await authorityAt(NOW);
    const { csrPem } = await createCertificateRequest(ALPHA);
    const serials = [];
    for (let each = 0; each < 5; each += 1) {
      serials.push(new X509Certificate((await authority.issue(csrPem, ALPHA, NOW)).chainPem).serialNumber);
    }
    expect(new Set(serials).size).toBe(5);
  });

  test.each([
    'spiffe://other.example/ns/default/module/a',
    'spiffe://frontier.local/ns/other/module/a',
    'nonsense',
    '',
  ])('are refused for %p, which is not of this mesh', async (name) => {
    const authority = await authorityAt(NOW);
    const { csrPem } = await createCertificateRequest(ALPHA);
    await expect(authority.issue(csrPem, name, NOW)).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' });
  });

  test('are refused for a request that is damaged or was signed by another key', async () => {
    const authority = await authorityAt(NOW);
    const { csrPem } = await createCertificateRequest(ALPHA);
    const der = Buffer.from(csrPem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
    der[der.length - 5] = (der[der.length - 5] ?? 0) ^ 1;
    const tampered = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;
    for (const bad of ['', 'nonsense', tampered]) {
      await expect(authority.issue(bad, ALPHA, NOW)).rejects.toMatchObject({ reason: 'CERTIFICATE_INVALID' });
    }
  });
});

describe('identities of nodes', () => {
  test('are renewed at half of their life, with another key, and told', async () => {
    const clock = createManualClock(NOW);
    const authority = await authorityAt(NOW, 60_000);
    const identity = await createIssuedIdentity({ authority, spiffeId: ALPHA, clock, log: silentLogger });
    const first = identity.current();
    const renewed = new Promise((resolve) => identity.onChange(resolve));
    await clock.advance(29_000);
    expect(identity.current()).toBe(first);
    await clock.advance(1_000);
    await renewed;
    expect(identity.current().keyPem).not.toBe(first.keyPem);
    identity.close();
  });

  test('a failed renewal leaves the present one in force, and is tried again', async () => {
    const clock = createManualClock(NOW);
    const authority = await authorityAt(NOW, 60_000);
    let failures = 0;
    const flaky: Authority = {
      ...authority,
      issue: (...args) => {
        if (clock.nowMs() === NOW + 30_000) {
          failures += 1;
          return Promise.reject(new Error('no'));
        }
        return authority.issue(...args);
      },
    };
    const identity = await createIssuedIdentity({ authority: flaky, spiffeId: ALPHA, clock, log: silentLogger });
    const first = identity.current();
    const renewed = new Promise((resolve) => identity.onChange(resolve));
    for (let attempt = 0; failures === 0 && attempt < 100; attempt += 1)
      await clock.advance(attempt === 0 ? 30_000 : 0);
    expect(identity.current()).toBe(first);
    for (let attempt = 0; attempt < 3; attempt += 1) await clock.advance(2_500);
    await renewed;
    expect(identity.current()).not.toBe(first);
    identity.close();
  });

  test('a certificate over another key than was asked for is refused before anybody gets it; the present pair stays', async () => {
    const clock = createManualClock(NOW);
    const authority = await authorityAt(NOW, 60_000);
    let isWrong = true;
    let refused = 0;
    const careless: Authority = {
      ...authority,
      issue: async (csrPem, spiffeId, nowMs) => {
        const asked = isWrong ? (await createCertificateRequest(spiffeId)).csrPem : csrPem;
        const issued = await authority.issue(asked, spiffeId, nowMs);
        if (isWrong) refused += 1;
        return issued;
      },
    };
    const passUntil = async (done: () => boolean): Promise<void> => {
      for (let step = 0; step < 100 && !done(); step += 1) {
        await clock.advance(5_000);
        for (let turn = 0; turn < 500 && !done(); turn += 1) await new Promise((resolve) => setImmediate(resolve));
      }
      expect(done()).toBe(true);
    };
    const options = { authority: careless, spiffeId: ALPHA, clock, log: silentLogger };
    await expect(createIssuedIdentity(options)).rejects.toMatchObject({ reason: 'CERTIFICATE_INVALID' });
    isWrong = false;
    const identity = await createIssuedIdentity(options);
    const first = identity.current();
    let told = 0;
    identity.onChange(() => (told += 1));
    isWrong = true;
    await passUntil(() => refused >= 4);
    expect([identity.current(), told]).toEqual([first, 0]);
    isWrong = false;
    await passUntil(() => told === 1);
    expect(identity.current().keyPem).not.toBe(first.keyPem);
    identity.close();
  });

  test('streams of one node share an identity, which ends with the last of them, however often one lets go', async () => {
    const ended: string[] = [];
    let made = 0;
    const identities = createNodeIdentities((spiffeId) => {
      made += 1;
      const material = { certPem: String(made), keyPem: '', bundlePem: '' };
      const identity: IssuedIdentity = {
        spiffeId,
        current: () => material,
        onChange: () => () => undefined,
        close: () => ended.push(material.certPem),
      };
      return Promise.resolve(identity);
    });
    const [first, second] = await Promise.all([identities.acquire('x'), identities.acquire('x')]);
    expect(first.current()).toBe(second.current());
    first.release();
    first.release();
    await Promise.resolve();
    expect(ended).toEqual([]);
    second.release();
    const third = await identities.acquire('x');
    expect(ended).toEqual(['1']);
    expect(third.current().certPem).toBe('2');
  });
});

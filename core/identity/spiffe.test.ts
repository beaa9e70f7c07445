import type { PeerCertificate } from 'node:tls';
import { describe, expect, test } from '@jest/globals';
import { matchesAny, parseSpiffeId, spiffeId, spiffeIdOfCertificate } from './spiffe.ts';

const NAME = { trustDomain: 'frontier.local', namespace: 'default', kind: 'module', name: 'foundation' } as const;

describe('SPIFFE ids', () => {
  test('a name and its id turn into one another', () => {
    expect(parseSpiffeId(spiffeId(NAME))).toEqual(NAME);
  });

  test.each([
    'spiffe://frontier.local/ns/default/module/',
    'spiffe://x/ns/a/pod/b',
    'https://x',
    'spiffe://x/ns/a/module/b/c',
    '',
  ])('%p is none of ours', (text) => {
    expect(parseSpiffeId(text)).toBeUndefined();
  });

  test('a pattern is whole unless it ends in a star', () => {
    expect(matchesAny('spiffe://d/ns/n/gateway/e1', ['spiffe://d/ns/n/gateway/*'])).toBe(true);
    expect(matchesAny('spiffe://d/ns/n/gateway/e12', ['spiffe://d/ns/n/gateway/e1'])).toBe(false);
  });

  test.each([
    [undefined, undefined],
    ['DNS:localhost', undefined],
    ['URI:spiffe://a/ns/b/module/c', 'spiffe://a/ns/b/module/c'],
    ['DNS:x, URI:spiffe://a/ns/b/module/c', 'spiffe://a/ns/b/module/c'],
    ['URI:spiffe://a/ns/b/module/c, URI:spiffe://a/ns/b/module/d', undefined],
  ])('names %p give %p', (subjectaltname, id) => {
    expect(spiffeIdOfCertificate({ subjectaltname } as PeerCertificate)).toBe(id);
  });
});

import { expect, test } from '@jest/globals';
import { consistencyFaults } from '../cache/consistency.ts';
import { SERVER_LISTENER_PREFIX } from './names.ts';
import { listeningAddress, sidecarContent } from './sidecar.ts';
import { configured } from './states-fixture.ts';

test.each([
  ['0.0.0.0:50055', { address: '0.0.0.0', port: 50_055 }],
  ['127.0.0.1:1', { address: '127.0.0.1', port: 1 }],
  ['[::]:50055', { address: '::', port: 50_055 }],
  ['[fe80::1]:65535', { address: 'fe80::1', port: 65_535 }],
  ['localhost:50055', undefined],
  ['1.2.3:50055', undefined],
  ['::1:50055', undefined],
  ['[1::2::3]:1', undefined],
  ['127.0.0.1:65536', undefined],
  ['127.0.0.1', undefined],
  ['', undefined],
])('the listening address in the name of a server listener: %s', (text, address) => {
  expect(listeningAddress(`${SERVER_LISTENER_PREFIX}${text}`)).toEqual(address);
  expect(listeningAddress(text)).toBeUndefined();
});

test('a sidecar’s content is the listeners that it names and nothing else, the same for the same names', () => {
  const names = ['[::]:50055', '0.0.0.0:50055'].map((address) => `${SERVER_LISTENER_PREFIX}${address}`);
  const content = sidecarContent([...names, 'mesh', `${SERVER_LISTENER_PREFIX}nowhere`], configured());
  expect(content.listeners.map(({ name }) => name)).toEqual([...names].sort());
  expect([content.clusters, content.endpoints, content.routes, content.secrets].flat()).toEqual([]);
  expect(consistencyFaults(content, [])).toEqual([]);
  expect(sidecarContent([...names].reverse(), configured())).toEqual(sidecarContent(names, configured()));
});

test('who may call is told by SPIFFE id of this mesh', () => {
  const mesh = { trust_domain: 'example.org', namespace: 'prod' };
  const text = JSON.stringify(sidecarContent([`${SERVER_LISTENER_PREFIX}0.0.0.0:1`], configured({ mesh })));
  expect([...text.matchAll(/"(prefix|exact)":"(spiffe:[^"]*)"/g)].map(([, kind, id]) => `${kind} ${id}`)).toEqual([
    'prefix spiffe://example.org/ns/prod/gateway/',
    'exact spiffe://example.org/ns/prod/service/router',
    'exact spiffe://example.org/ns/prod/service/loader',
  ]);
});

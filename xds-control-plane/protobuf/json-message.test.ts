import { expect, test } from '@jest/globals';
import { loadCodec } from './codec.ts';
import { encodeJson } from './json-message.ts';
import { loadMessageTypes } from './message-types.ts';
import { TYPE_URLS } from './type-urls.ts';

const types = loadMessageTypes();
const codec = loadCodec();
const HCM = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

test('protobuf’s JSON form is encoded: durations, wrappers, enums, names in either case', () => {
  const any = encodeJson(
    {
      '@type': TYPE_URLS.clusters,
      name: 'a',
      connectTimeout: '0.25s',
      type: 'EDS',
      eds_cluster_config: { eds_config: { ads: {}, resourceApiVersion: 'V3' } },
      circuit_breakers: { thresholds: [{ max_connections: 0 }] },
      metadata: { filter_metadata: { z: { list: [1, 'x', true, null] }, a: {} } },
    },
    types,
  );
  expect(any.type_url).toBe(TYPE_URLS.clusters);
  expect(codec.decode(any)).toMatchObject({
    name: 'a',
    connect_timeout: { nanos: 250_000_000 },
    type: 'EDS',
    circuit_breakers: { thresholds: [{ max_connections: {} }] },
  });
});

test('messages inside an Any are encoded by their "@type", whatever package they are of', () => {
  const fault = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault',
    max_active_faults: 3,
  };
  const any = encodeJson(
    {
      '@type': TYPE_URLS.listeners,
      name: 'l',
      api_listener: { api_listener: { '@type': HCM, http_filters: [{ name: 'fault', typed_config: fault }] } },
    },
    types,
  );
  const text = any.value.toString('latin1');
  expect(text).toContain(HCM);
  expect(text).toContain('envoy.extensions.filters.http.fault.v3.HTTPFault');
});

test('the order of keys makes no difference', () => {
  const encode = (labels: object): string =>
    encodeJson({ '@type': TYPE_URLS.clusters, name: 'a', metadata: { filter_metadata: labels } }, types).value.toString(
      'hex',
    );
  expect(encode({ a: { x: 1 }, b: {} })).toBe(encode({ b: {}, a: { x: 1 } }));
});

test.each<[string, Record<string, unknown>, RegExp]>([
  ['a field that does not exist', { '@type': TYPE_URLS.clusters, nam: 'a' }, /^nam is not a field of Cluster$/],
  ['a value of another kind', { '@type': TYPE_URLS.clusters, name: 7 }, /^name must be a string$/],
  ['an enum value that does not exist', { '@type': TYPE_URLS.clusters, type: 'NONE' }, /^type must be one of STATIC/],
  [
    'a duration without unit',
    { '@type': TYPE_URLS.clusters, connect_timeout: '1' },
    /^connect_timeout must be a duration/,
  ],
  ['no type', { name: 'a' }, /^the message must say its "@type"$/],
  ['a type that is not known', { '@type': 'type.googleapis.com/acme.Thing' }, /acme\.Thing, which is not known/],
])('%s is told with its path', (_, message, fault) => {
  expect(() => encodeJson(message, types)).toThrow(fault);
});

test('every fault is told at once', () => {
  const message = { '@type': TYPE_URLS.clusters, name: 7, load_assignment: { endpoints: [{ bad: 1 }] } };
  expect(() => encodeJson(message, types)).toThrow(/load_assignment\.endpoints\[0\]\.bad .*; name must be a string/);
});

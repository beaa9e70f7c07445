/**
 * What a web page does to call Frontier: the contracts as descriptors, a grpc-web transport, no code of ours. Runs in the
 * browser, bundled by the test; the test calls these functions in the page.
 */
import { createFileRegistry, fromBinary, fromJson, toJson } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';

const response = await fetch('/contracts.binpb');
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, new Uint8Array(await response.arrayBuffer())));
const service = registry.getService('frontier.router.v1.RouterService');

function clientOf(baseUrl) {
  return createClient(service, createGrpcWebTransport({ baseUrl }));
}

async function route(baseUrl, request) {
  const { input, output } = service.method.route;
  return toJson(output, await clientOf(baseUrl).route(fromJson(input, request)));
}

async function streamRoute(baseUrl, request) {
  const { input, output } = service.method.streamRoute;
  const events = [];
  for await (const event of clientOf(baseUrl).streamRoute(fromJson(input, { request })))
    events.push(toJson(output, event));
  return events;
}

/** Gives the code and text with which a call fails. */
async function failure(baseUrl, request) {
  return await route(baseUrl, request).then(
    () => undefined,
    (error) => ({ code: error.code, message: error.rawMessage }),
  );
}

globalThis.frontier = { route, streamRoute, failure };

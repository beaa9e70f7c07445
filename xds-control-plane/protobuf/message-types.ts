import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import protobuf from 'protobufjs';

/** The published messages of Envoy and xDS, by name: whatever the grpc-js-xds package ships, read when it is first asked for. */
export interface MessageTypes {
  /** Gives a message type by its full name or type URL; undefined for one that is not shipped. */
  find(nameOrUrl: string): protobuf.Type | undefined;
}

const INCLUDES = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'];

/** Gives the message types. A package's files lie in the folder of its name, e.g. envoy.config.cluster.v3 in envoy/config/cluster/v3. */
export function loadMessageTypes(): MessageTypes {
  const root = new protobuf.Root();
  const base = path.dirname(createRequire(import.meta.url).resolve('@grpc/grpc-js-xds/package.json'));
  const includes = INCLUDES.map((name) => path.join(base, 'deps', name));
  const within = (file: string): string | undefined =>
    includes.map((folder) => path.join(folder, file)).find((candidate) => existsSync(candidate));
  root.resolvePath = (_origin, target) => within(target) ?? target;
  const loaded = new Set<string>();
  const load = (folder: string): void => {
    if (loaded.has(folder)) return;
    loaded.add(folder);
    const found = within(folder);
    if (found === undefined) return;
    const files = readdirSync(found).filter((file) => file.endsWith('.proto'));
    root.loadSync(
      files.map((file) => path.posix.join(folder, file)),
      { keepCase: true },
    );
  };
  return {
    find: (nameOrUrl) => {
      const name = nameOrUrl.slice(nameOrUrl.lastIndexOf('/') + 1);
      const folder = packageFolder(name);
      if (folder !== '') load(folder);
      const found = root.lookup(name, [protobuf.Type]);
      if (!(found instanceof protobuf.Type)) return undefined;
      found.resolveAll();
      return found;
    },
  };
}

/** Package names are in lower case, messages begin with a capital. */
function packageFolder(name: string): string {
  const parts = name.split('.');
  const end = parts.findIndex((part) => !/^[a-z][a-z0-9_]*$/.test(part));
  return parts.slice(0, Math.max(0, end)).join('/');
}

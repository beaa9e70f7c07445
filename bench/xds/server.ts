import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createXdsServer, EVERY_NODE } from '../../xds-control-plane/index.ts';
import { readResources } from './resources.ts';

/** Our side: the library's server, driven like the other one: `set FILE` (all resources), `change FILE` (one replaced). */
const server = createXdsServer();
const answer = (value: object): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`);
};
answer({ port: await server.listen() });
for await (const line of createInterface(process.stdin)) {
  const [verb = '', file = ''] = line.split(' ');
  const resources = readResources(readFileSync(file));
  if (verb === 'set') server.setSnapshot(EVERY_NODE, { resources });
  else server.updateResources(EVERY_NODE, resources);
  answer({ done: verb });
}
await server.close();

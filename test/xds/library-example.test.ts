import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from '@jest/globals';
import { credentials } from '@grpc/grpc-js';
import { parseSnapshotFile } from '../../xds-control-plane/library/snapshot-document.ts';
import { TYPE_URLS } from '../../xds-control-plane/index.ts';
import { onCleanup } from '../support/cleanup.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { DeltaClient } from './ads-client.ts';

/** What docs/xds-library.md shows is run. */
const page = readFileSync(new URL('../../docs/xds-library.md', import.meta.url), 'utf8');

function block(language: string): string {
  return new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(page)?.[1] ?? '';
}

test('the example serves, and is about thirty lines long', async () => {
  const code = block('ts');
  expect(code.split('\n').length).toBeLessThan(42);
  const file = join(tempFolder('example'), 'example.ts');
  writeFileSync(file, code.replace('../xds-control-plane/', new URL('../../xds-control-plane/', import.meta.url).href));
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, [file], { env: { ...env, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] });
  onCleanup(async () => {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    expect((await exited)[0]).toBe(0);
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const port = /serving on (\d+)/.exec((await lines.next()).value as string)?.[1];
  const client = new DeltaClient(`127.0.0.1:${port ?? ''}`, credentials.createInsecure());
  client.send({
    node: { id: 'edge-1', cluster: 'edge' },
    type_url: TYPE_URLS.endpoints,
    resource_names_subscribe: ['api'],
  });
  const response = await client.next();
  expect(response.resources).toMatchObject([{ name: 'api', resource: { endpoints: [{}] } }]);
  client.ack(response);
  expect((await lines.next()).value).toMatch(/^edge-1 has [0-9a-f]{16} of .*ClusterLoadAssignment$/);
  client.close();
});

test('the file of the example is one that the executable takes', () => {
  expect([...parseSnapshotFile(block('yaml')).keys()]).toEqual(['*', 'edge-1']);
});

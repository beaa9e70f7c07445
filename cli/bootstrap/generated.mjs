import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashOf, withLock } from './cache.mjs';
import { checkoutLock, readStamp } from './packages.mjs';
import { run } from './shell.mjs';

/** Hash over everything that the generated code is made from. */
export function contractsHash(root) {
  const protos = readdirSync(join(root, 'proto'), { recursive: true })
    .filter((name) => name.endsWith('.proto'))
    .sort();
  const inputs = ['buf.gen.yaml', 'buf.yaml', 'proto/protoc-gen-descriptors.mjs', 'node_modules/ts-proto/package.json'];
  const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  return hashOf(
    ...protos.flatMap((name) => [name, read(join(root, 'proto', name))]),
    ...inputs.map((name) => read(join(root, name))),
  );
}

/** Generates gen/ from proto/ when the contracts have changed since. Gives whether it did. */
export async function ensureGenerated(begin, { root, nodePath, env }) {
  const hash = contractsHash(root);
  const stampPath = join(root, 'gen', '.stamp');
  if (readStamp(stampPath) === hash) return false;
  return withLock(checkoutLock(root, 'generated', env), async () => {
    if (readStamp(stampPath) === hash) return false;
    begin();
    await run(nodePath, [join(root, 'node_modules', '@bufbuild', 'buf', 'bin', 'buf'), 'generate'], { cwd: root, env });
    writeFileSync(stampPath, hash);
    return true;
  });
}

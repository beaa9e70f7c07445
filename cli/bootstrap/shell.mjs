import { spawn } from 'node:child_process';

const TAIL_BYTES = 4_000;

/** A command that failed; `output` is the end of what it printed. */
export class CommandError extends Error {
  constructor(command, code, output) {
    super(`${command} ended with ${code}${output ? `:\n${output}` : ''}`);
    this.name = 'CommandError';
    this.output = output;
  }
}

/**
 * Runs a program to its end and gives its standard output.
 * Rejects with CommandError when it cannot be started, exits with another code than 0, or takes longer than `timeoutMs`.
 */
export function run(command, args, { cwd, env = process.env, timeoutMs = 600_000 } = {}) {
  return new Promise((resolve, reject) => {
    const shown = [command, ...args].join(' ');
    const child = spawn(command, args, { cwd, env, timeout: timeoutMs, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let tail = '';
    const keep = (chunk) => {
      tail = (tail + chunk).slice(-TAIL_BYTES);
    };
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      keep(chunk);
    });
    child.stderr.on('data', keep);
    child.on('error', (error) => reject(new CommandError(shown, error.code ?? error.message, '')));
    child.on('close', (code, signal) =>
      code === 0 ? resolve(stdout) : reject(new CommandError(shown, code ?? signal, tail.trim())),
    );
  });
}

/**
 * How npm is started: the npm that runs this script where there is one, since PATH may name another or none. It runs on this
 * process's Node, beside which its global configuration is found.
 */
export function npmCommand(env = process.env) {
  const cli = env.npm_execpath;
  if (cli && /npm-cli\.[cm]?js$/.test(cli)) return { command: process.execPath, args: [cli] };
  return process.platform === 'win32' ? { command: 'cmd', args: ['/c', 'npm'] } : { command: 'npm', args: [] };
}

/** The environment without what an enclosing `npm run` says about itself, which would mislead a nested npm. */
export function withoutLifecycle(env) {
  const misleading =
    /^(npm_lifecycle_|npm_package_|npm_command$|npm_config_local_prefix$|npm_config_prefix$|INIT_CWD$)/i;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !misleading.test(name)));
}

/** Puts `folder` first on the environment's PATH. */
export function withPathFirst(env, folder) {
  const name = Object.keys(env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH';
  const separator = process.platform === 'win32' ? ';' : ':';
  return { ...env, [name]: env[name] ? `${folder}${separator}${env[name]}` : folder };
}

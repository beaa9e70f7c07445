#!/usr/bin/env node
/**
 * What `npm start` and `npm test` run, on any Node from 18 on and without any package installed: gets what is missing,
 * then starts the task on Node 24. `run.mjs start|test|cli|bench|faults|conformance|train [arguments…]`; `run.mjs prepare` only gets what is missing,
 * for images.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { clearInterval, setInterval } from 'node:timers';
import { fileURLToPath } from 'node:url';
import { prepare } from './prepare.mjs';
import { createProgress } from './progress.mjs';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const ORPHAN_CHECK_MS = 300;

/** What a task runs on Node 24; "start" is `frontier up`, and "prepare" runs nothing. */
const COMMANDS = {
  start: ['cli/main.ts', 'up'],
  test: ['test/support/run-tests.mjs'],
  cli: ['cli/main.ts'],
  bench: ['bench/main.ts'],
  faults: ['test/faults/main.ts'],
  conformance: ['test/conformance/main.ts'],
  train: ['cli/main.ts', 'train'],
  prepare: [],
};

async function main([task, ...args]) {
  if (!Object.hasOwn(COMMANDS, task ?? '')) {
    console.error(`usage: run.mjs ${Object.keys(COMMANDS).join('|')} [arguments…]`);
    return 2;
  }
  const kind = task === 'cli' && args[0] === 'up' ? 'start' : task;
  const progress = createProgress();
  try {
    const { nodePath, env, notes } = await prepare(kind, { root: ROOT, args, progress, env: process.env });
    progress.close();
    for (const note of notes) console.error(`  ! ${note}`);
    if (task === 'prepare') return notes.length === 0 ? 0 : 1;
    return await runTask(nodePath, [...COMMANDS[task], ...args], env);
  } catch (error) {
    progress.close();
    console.error(`\n${error.message}\n\nWhat was fetched is kept; run the same command again when this is put right.`);
    return 1;
  }
}

/**
 * Runs the task to its end and gives its exit code. Signals are passed on; a Ctrl-C reaches the task by itself. The IPC
 * channel tells the task when this process is gone without a word, so that nothing is left behind.
 */
function runTask(nodePath, [script, ...args], env) {
  return new Promise((resolve, reject) => {
    const stdio = ['inherit', 'inherit', 'inherit', 'ipc'];
    const child = spawn(nodePath, [join(ROOT, script), ...args], { env, stdio });
    const atTerminal = process.stdin.isTTY === true;
    process.on('SIGINT', () => atTerminal || child.kill('SIGINT'));
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    // npm's shell does not pass SIGTERM on: it dies, and this process gets another parent.
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(watch);
      child.kill('SIGTERM');
    }, ORPHAN_CHECK_MS);
    watch.unref();
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

process.exitCode = await main(process.argv.slice(2));

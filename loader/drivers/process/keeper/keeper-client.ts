import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Clock } from '../../../../core/clock.ts';
import { FrontierError } from '../../../../core/errors.ts';
import type { Logger } from '../../../../core/logging.ts';
import {
  noticeSchema,
  PROTOCOL_VERSION,
  receive,
  send,
  type Kept,
  type Notice,
  type StartCommand,
} from './protocol.ts';
import { createRemoteProcess, type RemoteProcess } from './remote-process.ts';

export interface KeeperClientOptions {
  readonly socketPath: string;
  /** How long what it keeps outlives a loader that has died, in milliseconds. */
  readonly graceMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A process that an earlier loader has had started. */
export interface KeptProcess extends Kept {
  readonly process: RemoteProcess;
}

/** The loader's side of its keeper, which is started when the first process is. */
export interface KeeperClient {
  /** Gives what a keeper of an earlier loader still keeps; nothing when there is none. */
  kept(): Promise<readonly KeptProcess[]>;
  /** Starts a process. Throws DEPENDENCY_MISSING when the program cannot be, SERVICE_UNAVAILABLE when there is no keeper. */
  start(order: Omit<StartCommand, 'type' | 'id'>): Promise<RemoteProcess>;
  /** Ends the keeper with all that it keeps. */
  end(): Promise<void>;
}

interface Link {
  readonly socket: Socket;
  readonly kept: readonly KeptProcess[];
}

const START_TIMEOUT_MS = 15_000;
const RETRY_MS = 25;
const END_TIMEOUT_MS = 10_000;

/** Creates a client that has no connection yet. */
export function createKeeperClient(options: KeeperClientOptions): KeeperClient {
  const { socketPath, clock, log } = options;
  const processes = new Map<string, RemoteProcess>();
  let link: Promise<Link> | undefined;

  const take = (notice: Exclude<Notice, { type: 'hello' }>): void => {
    const target = processes.get(notice.id);
    if (notice.type === 'refused' || notice.type === 'exited') processes.delete(notice.id);
    target?.take(notice);
  };
  const makeProcess = (id: string, name: string, socket: Socket): RemoteProcess => {
    const made = createRemoteProcess(name, (graceMs) => {
      send(socket, { type: 'stop', id, graceMs });
    });
    processes.set(id, made);
    return made;
  };
  const adopt = (socket: Socket, kept: readonly Kept[]): readonly KeptProcess[] =>
    kept.map((each) => {
      const made = makeProcess(each.id, each.name, socket);
      made.take({ type: 'started', id: each.id, pid: each.pid });
      if (each.ports !== undefined) made.take({ type: 'ready', id: each.id, ports: each.ports });
      return { ...each, process: made };
    });
  const onClosed = (): void => {
    link = undefined;
    if (processes.size > 0) log.warn({ event: 'keeper_lost', processes: processes.size });
    const lost = { exit: { code: null, signal: null }, tail: ['the keeper of this process has ended'] };
    for (const [id, each] of processes) each.take({ type: 'exited', id, ...lost });
    processes.clear();
  };
  /** Connects to a keeper that runs; undefined when none does. */
  const dial = (): Promise<Link | undefined> =>
    new Promise((resolve) => {
      const socket = connect(socketPath);
      let isUp = false;
      socket.on('error', () => {
        resolve(undefined);
      });
      socket.on('close', () => {
        if (isUp) onClosed();
        resolve(undefined);
      });
      receive(socket, noticeSchema, (notice) => {
        if (notice.type !== 'hello') {
          take(notice);
          return;
        }
        if (notice.version !== PROTOCOL_VERSION) send(socket, { type: 'end' });
        else {
          isUp = true;
          resolve({ socket, kept: adopt(socket, notice.kept) });
        }
      });
    });
  const launch = async (): Promise<Link> => {
    const untilMs = clock.monotonicMs() + START_TIMEOUT_MS;
    spawnKeeper(options);
    for (;;) {
      const dialled = await dial();
      if (dialled !== undefined) return dialled;
      if (clock.monotonicMs() > untilMs)
        throw new FrontierError('SERVICE_UNAVAILABLE', `the keeper of processes does not answer at ${socketPath}`);
      await clock.sleep(RETRY_MS);
    }
  };
  const linked = (): Promise<Link> => {
    link ??= dial()
      .then((running) => running ?? launch())
      .catch((error: unknown) => {
        link = undefined;
        throw error;
      });
    return link;
  };
  return {
    async kept() {
      const running = await dial();
      if (running === undefined) return [];
      link = Promise.resolve(running);
      return running.kept;
    },
    async start(order) {
      const { socket } = await linked();
      const id = randomUUID();
      const made = makeProcess(id, order.name, socket);
      send(socket, { type: 'start', id, ...order });
      await made.started;
      return made;
    },
    async end() {
      const current = await link?.catch(() => undefined);
      if (current === undefined) return;
      const { socket } = current;
      const closed = new Promise<void>((resolve) => socket.once('close', resolve));
      send(socket, { type: 'end' });
      const cancel = clock.after(END_TIMEOUT_MS, () => socket.destroy());
      await closed;
      cancel();
    },
  };
}

/** It is no part of the loader's process group, with which it would be ended. */
function spawnKeeper({ socketPath, graceMs, environment, log }: KeeperClientOptions): void {
  mkdirSync(dirname(socketPath), { recursive: true, mode: 0o700 });
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const script = fileURLToPath(new URL(`./keeper.${extension}`, import.meta.url));
  const args = ['--socket', socketPath, '--grace-ms', String(graceMs), '--parent', String(process.ppid)];
  const child = spawn(process.execPath, [script, ...args], { stdio: 'ignore', detached: true, env: environment });
  child.on('error', (error) => {
    log.error({ event: 'keeper_failed', err: error });
  });
  child.unref();
}

/**
 * The parent of a loader's workloads and sidecars (see protocol.ts): `keeper.ts --socket PATH --grace-ms N --parent PID`. It starts and
 * stops processes as it is told. When the loader's connection ends without a word it waits for the next loader, for as long as
 * the grace and as the process that started the loader lives; then it ends everything, and itself.
 */
import { readFileSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';

import { systemClock } from '../../../../core/clock.ts';
import { toFrontierError } from '../../../../core/errors.ts';
import { silentLogger } from '../../../../core/logging.ts';
import { openLogFile, type LogFile } from '../../../../core/process/log-file.ts';
import { createOrphanGuard } from '../../../../core/process/orphan-guard.ts';
import { startProcess, type SupervisedProcess } from '../../../../core/process/supervised-process.ts';
import {
  commandSchema,
  PROTOCOL_VERSION,
  receive,
  send,
  type Kept,
  type Notice,
  type StartCommand,
} from './protocol.ts';

interface Child {
  readonly order: StartCommand;
  readonly process: SupervisedProcess;
  ports: Readonly<Record<string, number>> | undefined;
}

const PARENT_CHECK_MS = 500;
const SIDECAR_GRACE_MS = 3000;
const WORKLOAD_GRACE_MS = 5000;

const { values } = parseArgs({
  options: { socket: { type: 'string' }, 'grace-ms': { type: 'string' }, parent: { type: 'string' } },
});
const socketPath = values.socket ?? '';
const graceMs = Number(values['grace-ms']);
const parentPid = Number(values.parent);

const guard = createOrphanGuard({ log: silentLogger });
const children = new Map<string, Child>();
/** Replicas' log files, shared by their processes. */
const logFiles = new Map<string, { readonly file: LogFile; users: number }>();
let loader: Socket | undefined;
let lostAtMs = systemClock.monotonicMs();
let ending: Promise<void> | undefined;

function tell(notice: Notice): void {
  if (loader !== undefined) send(loader, notice);
}

function openLog(path: string): LogFile {
  const open = logFiles.get(path) ?? { file: openLogFile(path), users: 0 };
  open.users += 1;
  logFiles.set(path, open);
  return open.file;
}

function closeLog(path: string): void {
  const open = logFiles.get(path);
  if (open === undefined) return;
  open.users -= 1;
  if (open.users > 0) return;
  open.file.close();
  logFiles.delete(path);
}

function start(order: StartCommand): void {
  const { id, name, command, args, env, cwd, ipc, secrets, logPath } = order;
  try {
    const logFile = openLog(logPath);
    const base = { name, command, args, env, cwd, ipc, secrets, logFile, log: silentLogger, clock: systemClock };
    // Sidecars see the end of their channel; a workload has none.
    const started = startProcess(ipc ? base : { ...base, guard });
    const child: Child = { order, process: started, ports: undefined };
    children.set(id, child);
    follow(id, child);
  } catch (error) {
    closeLog(logPath);
    refuse(id, error);
  }
}

function follow(id: string, child: Child): void {
  const { process: started, order } = child;
  if (started.pid !== undefined) tell({ type: 'started', id, pid: started.pid });
  started.ready.then(
    (ports) => {
      child.ports = ports;
      tell({ type: 'ready', id, ports });
    },
    (error: unknown) => {
      if (started.pid === undefined) refuse(id, error);
    },
  );
  void started.exited.then((exit) => {
    children.delete(id);
    closeLog(order.logPath);
    if (started.pid !== undefined) tell({ type: 'exited', id, exit, tail: [...started.stderrTail()] });
  });
}

function refuse(id: string, error: unknown): void {
  const { reason, message } = toFrontierError(error);
  tell({ type: 'refused', id, reason, message });
}

function keptOf([id, { order, process: started, ports }]: [string, Child]): Kept[] {
  if (started.pid === undefined) return [];
  const { tag, name } = order;
  return [
    { id, tag, name, pid: started.pid, tail: [...started.stderrTail()], ...(ports === undefined ? {} : { ports }) },
  ];
}

/** Ends sidecars before workloads, so that none goes from under a query. */
async function endAll(): Promise<void> {
  // A loader that is started meanwhile must not find what is on its way out; this takes the socket's file away too.
  server.close();
  const endPart = (part: 'workload' | 'sidecar', partGraceMs: number): Promise<unknown> =>
    Promise.all(
      [...children.values()].flatMap(({ order, process: started }) =>
        order.tag.part === part ? [started.stop(partGraceMs)] : [],
      ),
    );
  await endPart('sidecar', SIDECAR_GRACE_MS);
  await endPart('workload', WORKLOAD_GRACE_MS);
  guard.close();
  process.exit(0);
}

function end(): void {
  ending ??= endAll();
}

/** Which process has the number now: it is given to another one some time after the first has ended. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return startOf(pid) === parentStart;
  } catch {
    return false;
  }
}

const parentStart = startOf(parentPid);

const server = createServer((socket) => {
  loader?.destroy();
  loader = socket;
  socket.on('error', () => undefined);
  socket.on('close', () => {
    if (loader !== socket) return;
    loader = undefined;
    lostAtMs = systemClock.monotonicMs();
  });
  send(socket, { type: 'hello', version: PROTOCOL_VERSION, kept: [...children].flatMap(keptOf) });
  receive(socket, commandSchema, (command) => {
    if (command.type === 'start') start(command);
    else if (command.type === 'stop') void children.get(command.id)?.process.stop(command.graceMs);
    else end();
  });
});
systemClock.every(PARENT_CHECK_MS, () => {
  if (loader !== undefined) return;
  // Nothing is kept for nobody: without the process that would start the next loader there will be none.
  const isOver = systemClock.monotonicMs() - lostAtMs >= graceMs;
  if (isOver || (parentPid > 1 && !isAlive(parentPid))) end();
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end);
process.umask(0o177);
rmSync(socketPath, { force: true });
server.listen(socketPath, () => process.umask(0o077));

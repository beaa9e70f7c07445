import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { FrontierError } from '../../core/errors.ts';
import type { Logger } from '../../core/logging.ts';
import { openLogFile, type LogFile } from '../../core/process/log-file.ts';
import type { OrphanGuard } from '../../core/process/orphan-guard.ts';
import { describeExit, startProcess } from '../../core/process/supervised-process.ts';
import { superviseProcess, type ProcessSupervisor } from '../../core/process/supervisor.ts';
import type { Rng } from '../../core/rng.ts';

/** A program that `frontier up` keeps running. */
export interface Member {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Made anew for each start, because join tokens are short-lived. */
  readonly environment: () => Promise<Readonly<Record<string, string | undefined>>>;
  /** Whether it keeps the contract of core/service/run-service.ts. */
  readonly isService: boolean;
  /** Longest wait for it to stop, in milliseconds. */
  readonly stopGraceMs: number;
}

/** The processes of one system. */
export interface Fleet {
  /** Starts a member and resolves with its ports when it is ready; from then on it is started again whenever it ends. Rejects when its first start fails. */
  start(member: Member): Promise<Readonly<Record<string, number>>>;
  /** Stops one member; resolves when it has ended. */
  stop(name: string): Promise<void>;
  /** Ends everything at once, and starts nothing more. */
  kill(): Promise<void>;
  close(): void;
}

export interface FleetOptions {
  readonly logDir: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly guard: OrphanGuard;
  /** Takes each output line of a member, without prefix. */
  readonly onLine: (member: string, line: string) => void;
  /** Told when a member ended by itself, and when it is back. */
  readonly onChange: (member: string, change: string) => void;
}

const START_TIMEOUT_MS = 30_000;

/** Gives an empty fleet. */
export function createFleet(options: FleetOptions): Fleet {
  const { clock, rng, log } = options;
  const members = new Map<string, { member: Member; supervisor: ProcessSupervisor }>();
  const logFiles: LogFile[] = [];
  let isClosed = false;

  const superviseMember = async (member: Member): Promise<Readonly<Record<string, number>>> => {
    const logFile = openLogFile(join(options.logDir, `${member.name}.log`));
    logFiles.push(logFile);
    // A fault of the first one is the caller's to know; those of restarts are made when they are needed.
    let prepared: Awaited<ReturnType<Member['environment']>> | undefined = await member.environment();
    if (isClosed) throw new FrontierError('DRAINING', `${member.name} is not started: the system is stopping`);
    return new Promise((resolve, reject) => {
      let isUp = false;
      const cancel = clock.after(START_TIMEOUT_MS, () => {
        reject(
          new FrontierError(
            'SERVICE_UNAVAILABLE',
            `${member.name} was not ready after ${START_TIMEOUT_MS / 1000} s; see ${logFile.path}`,
          ),
        );
      });
      const supervisor = superviseProcess({
        name: member.name,
        clock,
        rng,
        log,
        start: async () => {
          const env = prepared ?? (await member.environment());
          prepared = undefined;
          return startProcess({
            ...member,
            env,
            ipc: member.isService,
            guard: options.guard,
            clock,
            log,
            logFile,
            secrets: [env['FRONTIER_JOIN_TOKEN'] ?? ''],
            onLine: (line) => {
              options.onLine(member.name, line.slice(member.name.length + 3));
            },
          });
        },
        onReady: (ports) => {
          if (isUp) options.onChange(member.name, 'runs again');
          isUp = true;
          cancel();
          resolve(ports);
        },
        onExit: (exit, child, restartInMs) => {
          const what = describeExit(exit, child.stderrTail().slice(-3));
          const when = restartInMs === 0 ? 'at once' : `in ${(restartInMs / 1000).toFixed(1)} s`;
          if (isUp) options.onChange(member.name, `${what}; starting it again ${when}`);
          cancel();
          reject(
            new FrontierError(exit.code === 78 ? 'CONFIG_INVALID' : 'SERVICE_UNAVAILABLE', `${member.name} ${what}`),
          );
        },
      });
      members.set(member.name, { member, supervisor });
    });
  };
  return {
    start: superviseMember,
    async stop(name) {
      const entry = members.get(name);
      members.delete(name);
      await entry?.supervisor.stop(entry.member.stopGraceMs);
    },
    async kill() {
      isClosed = true;
      await Promise.all([...members.values()].map(({ supervisor }) => supervisor.stop(0)));
    },
    close() {
      for (const file of logFiles) file.close();
    },
  };
}

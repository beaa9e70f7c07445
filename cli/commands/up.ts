import { join } from 'node:path';
import type { Command } from 'commander';
import { pino } from 'pino';
import { systemClock } from '../../core/clock.ts';
import { createLogger } from '../../core/logging.ts';
import { createOrphanGuard } from '../../core/process/orphan-guard.ts';
import { systemRng } from '../../core/rng.ts';
import { consoleLine } from '../output/log-line.ts';
import { paintFor } from '../output/paint.ts';
import { banner } from '../up/banner.ts';
import { takeDataDir } from '../up/data-dir.ts';
import { createFleet } from '../up/fleet.ts';
import { removeRunFile, writeRunFile } from '../up/run-file.ts';
import { environmentOf, loadWith, type UpFlags } from '../up/settings.ts';
import { listenForStop } from '../up/stop-signals.ts';
import { planSystem, startSystem } from '../up/system.ts';

/** Adds `frontier up`. */
export function addUp(program: Command): void {
  program
    .command('up')
    .description('start the whole system and keep it running until Ctrl-C')
    .option('--config <file>', 'orchestration-config.yaml to use')
    .option('--edge-port <port>', 'public port (network.ports.edge)')
    .option('--data-dir <folder>', 'state, logs and certificates (storage.data_dir)')
    .option('--mesh <mode>', 'envoy or proxyless (mesh.mode)')
    .option('--otlp <url>', 'OTLP/gRPC collector for traces (telemetry.otlp_endpoint)')
    .option('--log-level <level>', 'of the log files (telemetry.log_level)')
    .option('--envoy-concurrency <threads>', "Envoy's worker threads", '1')
    .action(up);
}

/** Runs a system from start to stop; resolves when every process of it has ended. Rejects when it could not be started. */
async function up(flags: UpFlags): Promise<void> {
  const clock = systemClock;
  const paint = paintFor(process.stdout);
  const say = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  const startedMs = clock.monotonicMs();
  const env = environmentOf(flags, process.env);
  const config = loadWith(flags.config, env);
  const dataDir = takeDataDir(config.dataDir);
  const logDir = join(config.dataDir, 'logs');
  const destination = pino.destination({ dest: join(logDir, 'up.log'), sync: true });
  const log = createLogger({ service: 'up', level: config.orchestration.telemetry.log_level, destination });
  const stopping = new AbortController();
  const guard = createOrphanGuard({ log });
  const fleet = createFleet({
    logDir,
    clock,
    rng: systemRng,
    log,
    guard,
    onLine: (member, line) => {
      // While all is being stopped, parts miss one another; the log files have it.
      const shown = stopping.signal.aborted ? undefined : consoleLine(member, line, paint);
      if (shown !== undefined) say(shown);
    },
    onChange: (member, change) => {
      say(`${paint('yellow', '!')} ${member} ${change}`);
    },
  });
  const stopRequested = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => {
      resolve();
    });
  });
  const unlisten = listenForStop(
    process,
    clock,
    () => {
      stopping.abort(new Error('stopped before it had started'));
    },
    () => {
      say('Stopping at once.');
      void fleet.kill().finally(() => process.exit(1));
    },
  );
  try {
    const plan = await planSystem(config, flags, env, { clock, log });
    for (const warning of config.warnings) say(`${paint('yellow', 'warning')} ${warning}`);
    const starting = startSystem(plan, fleet, stopping.signal);
    const system = await Promise.race([starting, stopRequested]);
    if (system === undefined) {
      starting.catch(() => undefined); // its parts are being ended below
      return;
    }
    writeRunFile(config.dataDir, plan.run);
    say(banner(plan.run, config, clock.monotonicMs() - startedMs, paint));
    await stopRequested;
    say('Stopping; queries in flight are finished first. Ctrl-C again stops at once.');
    removeRunFile(config.dataDir);
    await system.stop();
    say('Stopped.');
  } finally {
    await fleet.kill();
    unlisten();
    fleet.close();
    guard.close();
    dataDir.release();
  }
}

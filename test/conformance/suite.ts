import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tempFolder } from '../support/temp-folder.ts';
import { startTarget } from './adapter.ts';

/** The suite's names for the forms of the protocol. */
export const VARIANTS = [
  'sotw non-aggregated',
  'sotw aggregated',
  'incremental non-aggregated',
  'incremental aggregated',
] as const;

/** What a run of one variant came to. */
export interface Outcome {
  readonly variant: string;
  /** Steps of all its scenarios. */
  readonly total: number;
  readonly passed: number;
  /** Scenarios that failed, each with its step and error. */
  readonly failures: readonly string[];
}

/** As the suite writes it. */
interface Results {
  readonly ResultsByVariant: readonly {
    readonly total: number;
    readonly passed: number;
    readonly failedScenarios:
      readonly { readonly name: string; readonly failedStep: string; readonly error: string }[] | null;
  }[];
}

/** Runs one variant of the suite, whose program is given, against a server of its own, in a folder of its own: the suite writes its results where it stands. */
export async function runVariant(variant: string, suite: string): Promise<Outcome> {
  const folder = tempFolder('conformance');
  cpSync(join(dirname(suite), 'features'), join(folder, 'features'), { recursive: true });
  const target = await startTarget();
  try {
    const ports = ['--adapter', String(target.adapterPort), '--target', String(target.targetPort)];
    const child = spawn(suite, [...ports, '--variant', variant], { cwd: folder, stdio: 'ignore' });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`the suite ended with ${String(code)} in "${variant}"`);
  } finally {
    await target.close();
  }
  return outcomeOf(variant, JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8')) as Results);
}

function outcomeOf(variant: string, { ResultsByVariant: [result] }: Results): Outcome {
  const failed = result?.failedScenarios ?? [];
  return {
    variant,
    total: result?.total ?? 0,
    passed: result?.passed ?? 0,
    failures: failed.map(({ name, failedStep, error }) => `${name}: ${failedStep}: ${error}`),
  };
}

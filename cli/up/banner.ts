import type { FrontierConfig, ModuleSpec } from '../../core/config/schema.ts';
import type { Paint } from '../output/paint.ts';
import { table } from '../output/table.ts';
import type { RunFile } from './run-file.ts';

/** Gives what `frontier up` prints once it serves: endpoints, modules, first commands. Fits on one screen. */
export function banner(run: RunFile, config: FrontierConfig, startedInMs: number, paint: Paint): string {
  const { http, grpc } = run.endpoints;
  const endpoints = table(
    [
      ['HTTP, grpc-web', http],
      ['gRPC', `${grpc}  (frontier.router.v1.RouterService, with reflection)`],
      ['OpenAI base URL', `${http}/v1  (model: "auto")`],
      ['metrics, status', `${http}/metrics  ${http}/status`],
      ['logs', `${config.dataDir}/logs`],
    ],
    '  ',
  );
  const modules = table(config.modules.map(moduleRow), '  ');
  const body = `'{"query":"Write a Python function that reverses a string"}'`;
  return [
    '',
    paint('bold', `Frontier serves ${paint('green', http)} after ${(startedInMs / 1000).toFixed(1)} s`) +
      ` (mesh: ${run.mesh})`,
    '',
    ...endpoints,
    '',
    paint('bold', 'Modules') + paint('dim', '  started by the first query that needs them'),
    ...(modules.length > 0 ? modules : ['  none: add one to modules/, see docs/modules.md']),
    '',
    paint('bold', 'Try'),
    `  curl -s ${http}/api/v1/route -H 'content-type: application/json' -d ${body}`,
    '  npm run frontier -- route "Why is the sky blue?"',
    '  npm run frontier -- status',
    '',
    paint('dim', 'Ctrl-C stops all of it.'),
    '',
  ].join('\n');
}

function moduleRow(spec: ModuleSpec): string[] {
  const where = spec.workload === undefined ? (spec.adapter.url ?? '') : '';
  const kept = spec.scaling.min_replicas > 0 ? `kept at ${spec.scaling.min_replicas}` : '';
  return [spec.module_id, spec.query_classes.join(', ') || '-', [where, kept].filter((part) => part !== '').join(', ')];
}

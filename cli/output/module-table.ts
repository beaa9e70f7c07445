import type { ModuleBody } from '../client/status-body.ts';
import { table } from './table.ts';
import { usageText } from './usage-text.ts';

/** Gives modules as a table with a heading. */
export function moduleTable(modules: readonly ModuleBody[]): string[] {
  return table([['MODULE', 'STATE', 'REPLICAS', 'IN FLIGHT', 'BREAKER', 'USES', 'CLASSES', ''], ...modules.map(row)]);
}

function row(module: ModuleBody): string[] {
  const ready = module.replicas.filter(({ state }) => state === 'READY').length;
  const restarts = module.replicas.reduce((sum, replica) => sum + replica.restarts, 0);
  const notes = [
    module.reason,
    ...(restarts > 0 ? [`${restarts} restarts`] : []),
    ...(module.waiting > 0 ? [`${module.waiting} waiting`] : []),
  ];
  return [
    module.module_id,
    module.state,
    `${ready}/${module.desired_replicas}`,
    String(module.in_flight),
    module.breaker?.state ?? '-',
    usageText(module),
    module.query_classes.join(',') || '-',
    notes.filter((note) => note !== '').join('; '),
  ];
}

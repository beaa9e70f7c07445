import type { ConfigPath } from './config-fault.ts';
import { isSet, valueAt, type ConfigDraft, type DocumentFinding } from './draft.ts';
import type { Orchestration } from './schema.ts';

/** A setting that is accepted and has no effect yet. */
interface NotBuilt {
  readonly path: ConfigPath;
  /** When the setting asks for what is not there; `value` is after defaults, `written` whether the author set it, `raw` all that was written. */
  readonly when: (value: unknown, written: boolean, orchestration: Orchestration, raw: unknown) => boolean;
  readonly sentence: string;
}

const isTrue = (value: unknown): boolean => value === true;
const isWritten = (_value: unknown, written: boolean): boolean => written;
const isOtherThan =
  (built: string) =>
  (value: unknown): boolean =>
    value !== built;
const isWrittenForProcesses = (
  _value: unknown,
  written: boolean,
  { dynamic_loading: loading }: Orchestration,
): boolean => written && loading.driver === 'process';

const ORCHESTRATION: readonly NotBuilt[] = [
  {
    path: ['communication', 'protocols', 'websocket', 'enabled'],
    when: isTrue,
    sentence: 'the WebSocket protocol is not built yet, so nothing is served over it.',
  },
  {
    path: ['communication', 'protocols', 'message_broker', 'enabled'],
    when: isTrue,
    sentence: 'the message broker protocol is not built yet, so no broker is used.',
  },
  {
    path: ['dynamic_loading', 'strategy'],
    when: isOtherThan('on_demand'),
    sentence: 'only the strategy on_demand is built yet, and it is used instead.',
  },
  {
    path: ['dynamic_loading', 'driver'],
    when: isOtherThan('process'),
    sentence: 'the Kubernetes driver is not built yet, so replicas are run as processes.',
  },
  {
    path: ['dynamic_loading', 'kubernetes', 'namespace'],
    when: isWritten,
    sentence: 'the Kubernetes driver is not built yet, so its namespace is not used.',
  },
  {
    path: ['mesh', 'mode'],
    when: (value) => value === 'istio',
    sentence: 'the mesh mode istio is not tested yet and nothing is deployed for it.',
  },
];

const MODULE: readonly NotBuilt[] = [
  {
    path: ['image'],
    when: (_value, written, { dynamic_loading: loading }, raw) =>
      written && loading.driver === 'process' && !isSet(raw, ['workload']),
    sentence:
      'the Kubernetes driver is not built yet and no other runs images, so give workload.command to start the module.',
  },
  {
    path: ['resource_requirements'],
    when: isWrittenForProcesses,
    sentence:
      'resource requirements, gpu among them, are used by the Kubernetes driver alone; processes are not limited.',
  },
  {
    path: ['scaling', 'target_cpu_utilization'],
    when: isWritten,
    sentence: 'scaling by CPU utilization is not built yet, so the number of replicas does not follow it.',
  },
  {
    path: ['schedule'],
    when: (value) => Array.isArray(value) && value.length > 0,
    sentence: 'loading by schedule is not built yet, so the module is loaded on demand.',
  },
];

/** Gives one finding for each setting that is accepted but not built yet. */
export function findNotBuilt({ orchestration, modules }: ConfigDraft): DocumentFinding[] {
  const { value: settings, raw } = orchestration;
  if (settings === undefined) return [];
  const below = valueAt(raw, ['orchestration']);
  return [
    ...matching(ORCHESTRATION, settings, below, settings).map(({ path, sentence }) => ({
      document: 'orchestration' as const,
      path: ['orchestration', ...path],
      message: sentence,
    })),
    ...modules.flatMap(({ value, raw: written }, document) =>
      matching(MODULE, value, written, settings).map(({ path, sentence }) => ({ document, path, message: sentence })),
    ),
  ];
}

function matching(
  table: readonly NotBuilt[],
  value: unknown,
  raw: unknown,
  orchestration: Orchestration,
): readonly NotBuilt[] {
  if (value === undefined) return [];
  return table.filter(({ path, when }) => when(valueAt(value, path), isSet(raw, path), orchestration, raw));
}

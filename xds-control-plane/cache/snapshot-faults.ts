import { TYPE_URLS, typeLabel } from '../protobuf/type-urls.ts';
import type { Snapshot } from './type-snapshot.ts';

/**
 * Gives what is wrong with a snapshot, one sentence each; empty when its resources agree: everything named exists, and
 * every load assignment and route table is named by something (checklist 51).
 */
export function snapshotFaults(snapshot: Snapshot): readonly string[] {
  const named = new Set<string>();
  const faults: string[] = [];
  for (const [typeUrl, { resources }] of snapshot) {
    for (const { name, references } of resources.values()) {
      for (const [partType, parts] of references) {
        for (const part of parts) {
          named.add(`${partType} ${part}`);
          if (snapshot.get(partType)?.resources.has(part) === true) continue;
          faults.push(`${typeLabel(typeUrl)} ${name} names ${part} of ${typeLabel(partType)}, which is not there`);
        }
      }
    }
  }
  for (const typeUrl of [TYPE_URLS.endpoints, TYPE_URLS.routes]) {
    for (const name of snapshot.get(typeUrl)?.resources.keys() ?? []) {
      if (!named.has(`${typeUrl} ${name}`)) faults.push(`nothing names ${name} of ${typeLabel(typeUrl)}`);
    }
  }
  return faults;
}

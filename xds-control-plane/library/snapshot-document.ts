import { parse } from 'yaml';
import { z } from 'zod';
import { FrontierError, messageOf } from '../../core/errors.ts';
import { EVERY_NODE } from '../cache/node-snapshots.ts';
import type { ResourceInput } from '../cache/raw-resource.ts';
import type { SnapshotInput } from './snapshot-editor.ts';

/** Snapshots as people write them, in YAML or JSON: docs/xds-library.md. */

const settings = {
  name: z.string().min(1).optional(),
  version: z.string().min(1).optional(),
  ttl_ms: z.number().int().positive().optional(),
};
const messageSchema = z.looseObject({ '@type': z.string() });
const jsonSchema = z.strictObject({ ...settings, resource: messageSchema });
const bytesSchema = z.strictObject({
  ...settings,
  name: z.string().min(1),
  type_url: z.string().min(1),
  value: z.base64(),
});
const resourceSchema = z.union([bytesSchema, jsonSchema, messageSchema]);
const snapshotSchema = z.strictObject({
  version: z.union([z.string(), z.record(z.string(), z.string())]).optional(),
  check_consistency: z.boolean().optional(),
  resources: z.array(resourceSchema),
});
const fileSchema = snapshotSchema.partial({ resources: true }).extend({
  nodes: z.record(z.string(), snapshotSchema).optional(),
});

/** Gives the snapshot in a document. Throws INVALID_FIELD with every fault and its path. */
export function parseSnapshot(document: unknown): SnapshotInput {
  return toSnapshot(checked(snapshotSchema, document));
}

/** Gives the snapshots in a file's text, by node; those at its top are for every node. Throws INVALID_FIELD. */
export function parseSnapshotFile(text: string): ReadonlyMap<string, SnapshotInput> {
  const { nodes = {}, resources, ...rest } = checked(fileSchema, readYaml(text) ?? {});
  const all = new Map<string, SnapshotInput>();
  if (resources !== undefined) all.set(EVERY_NODE, toSnapshot({ ...rest, resources }));
  for (const [node, snapshot] of Object.entries(nodes)) all.set(node, toSnapshot(snapshot));
  return all;
}

/** JSON is YAML too. */
function readYaml(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new FrontierError('INVALID_FIELD', messageOf(error), { cause: error });
  }
}

function checked<Output>(schema: z.ZodType<Output>, document: unknown): Output {
  const { success, data, error } = schema.safeParse(document);
  if (success) return data;
  const faults = error.issues.map(
    ({ path, message }) => `${path.length === 0 ? 'the document' : path.join('.')}: ${message}`,
  );
  throw new FrontierError('INVALID_FIELD', faults.join('; '));
}

function toSnapshot({ version, check_consistency, resources }: z.output<typeof snapshotSchema>): SnapshotInput {
  return {
    resources: resources.map(toResource),
    ...(version === undefined ? {} : { version }),
    ...(check_consistency === undefined ? {} : { checkConsistency: check_consistency }),
  };
}

function toResource(given: z.output<typeof resourceSchema>): ResourceInput {
  if (isMessage(given)) return { resource: given };
  const { name, version, ttl_ms: ttlMs } = given;
  const more = { ...(version === undefined ? {} : { version }), ...(ttlMs === undefined ? {} : { ttlMs }) };
  if ('value' in given) {
    return { ...more, name: given.name, typeUrl: given.type_url, value: Buffer.from(given.value, 'base64') };
  }
  return { ...more, ...(name === undefined ? {} : { name }), resource: given.resource };
}

function isMessage(given: z.output<typeof resourceSchema>): given is z.output<typeof messageSchema> {
  return '@type' in given;
}

import protobuf from 'protobufjs';
import { FrontierError } from '../../core/errors.ts';
import type { EncodedAny } from './codec.ts';
import type { MessageTypes } from './message-types.ts';

/**
 * Encodes messages in protobuf's JSON form (as Envoy's own configuration files have it: `@type` inside an Any, "0.25s" for a
 * Duration, plain values for wrappers, names in snake or camel case). The same content gives the same bytes.
 */

type Json = Readonly<Record<string, unknown>>;

/** Where a fault is, and what; null stands for the value that it takes the place of. */
type Report = (path: string, text: string) => null;

/** Gives a message with its type. Throws INVALID_FIELD that lists every fault with its path. */
export function encodeJson(message: Json, types: MessageTypes): EncodedAny {
  const faults: string[] = [];
  const report: Report = (at, text) => {
    faults.push(`${at === '' ? 'the message' : at} ${text}`);
    return null;
  };
  const any = encodeAny(message, '', types, report);
  if (faults.length > 0) throw new FrontierError('INVALID_FIELD', faults.join('; '));
  return any;
}

function encodeAny(message: Json, at: string, types: MessageTypes, report: Report): EncodedAny {
  const { '@type': typeUrl, ...fields } = message;
  if (typeof typeUrl !== 'string') {
    report(at, 'must say its "@type"');
    return { type_url: '', value: Buffer.alloc(0) };
  }
  const type = types.find(typeUrl);
  if (type === undefined) {
    report(at, `is of type ${typeUrl}, which is not known: give it as bytes`);
    return { type_url: typeUrl, value: Buffer.alloc(0) };
  }
  // Types with a JSON form of their own stand under "value" (protobuf JSON mapping).
  const content = isWellKnown(type.fullName) ? fields['value'] : fields;
  const plain = toPlain(type, content, at, types, report) as Json;
  return { type_url: typeUrl, value: Buffer.from(type.encode(type.fromObject(plain)).finish()) };
}

/** Gives a value of a message field as protobufjs takes it. */
function toPlain(type: protobuf.Type, value: unknown, at: string, types: MessageTypes, report: Report): unknown {
  const special = WELL_KNOWN[type.fullName];
  if (special !== undefined) return special(value, at, types, report);
  if (!isObject(value)) {
    report(at, `must be an object (${type.name})`);
    return {};
  }
  const fields = fieldsOf(type);
  const plain: Record<string, unknown> = {};
  for (const key of Object.keys(value).sort()) {
    const field = fields.get(key);
    const path = at === '' ? key : `${at}.${key}`;
    if (field === undefined) report(path, `is not a field of ${type.name}`);
    else if (value[key] !== null && value[key] !== undefined) {
      plain[field.name] = fieldValue(field, value[key], path, types, report);
    }
  }
  return plain;
}

const fieldTables = new WeakMap<protobuf.Type, ReadonlyMap<string, protobuf.Field>>();

function fieldsOf(type: protobuf.Type): ReadonlyMap<string, protobuf.Field> {
  const known = fieldTables.get(type);
  if (known !== undefined) return known;
  const table = new Map(
    type.fieldsArray.flatMap((field): [string, protobuf.Field][] => [
      [field.name, field.resolve()],
      [protobuf.util.camelCase(field.name), field],
    ]),
  );
  fieldTables.set(type, table);
  return table;
}

function fieldValue(field: protobuf.Field, value: unknown, at: string, types: MessageTypes, report: Report): unknown {
  const one = (item: unknown, path: string): unknown => singleValue(field, item, path, types, report);
  if (field.map) {
    if (!isObject(value)) return report(at, 'must be an object');
    const keys = Object.keys(value).sort();
    return Object.fromEntries(keys.map((key) => [key, one(value[key], `${at}.${key}`)]));
  }
  if (!field.repeated) return one(value, at);
  if (!Array.isArray(value)) return report(at, 'must be a list');
  return value.map((item, index) => one(item, `${at}[${index}]`));
}

function singleValue(field: protobuf.Field, value: unknown, at: string, types: MessageTypes, report: Report): unknown {
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Type) return toPlain(resolvedType, value, at, types, report);
  if (resolvedType instanceof protobuf.Enum) {
    if (typeof value === 'number' || (typeof value === 'string' && value in resolvedType.values)) return value;
    report(at, `must be one of ${Object.keys(resolvedType.values).join(', ')}`);
    return 0;
  }
  const wanted =
    field.type === 'string' || field.type === 'bytes' ? 'string' : field.type === 'bool' ? 'boolean' : 'number';
  if (typeof value === wanted || (wanted === 'number' && isNumeric(value)) || value instanceof Uint8Array) return value;
  report(at, `must be a ${wanted}`);
  return undefined;
}

/** Large numbers may stand in quotes. */
function isNumeric(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && Number.isFinite(Number(value));
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

type Special = (value: unknown, at: string, types: MessageTypes, report: Report) => unknown;

const wrapper: Special = (value) => (isObject(value) ? value : { value });

const WELL_KNOWN: Readonly<Record<string, Special>> = {
  '.google.protobuf.Any': (value, at, types, report) => {
    if (!isObject(value)) return report(at, 'must be an object with "@type"');
    return '@type' in value ? encodeAny(value, at, types, report) : value;
  },
  '.google.protobuf.Duration': (value, at, _types, report) => {
    if (isObject(value)) return value;
    const match = typeof value === 'string' ? /^(-?)(\d+)(?:\.(\d{1,9}))?s$/.exec(value) : null;
    if (match === null) return report(at, 'must be a duration, e.g. "0.25s"');
    const sign = match[1] === '-' ? -1 : 1;
    return { seconds: sign * Number(match[2]), nanos: sign * Number((match[3] ?? '').padEnd(9, '0')) };
  },
  '.google.protobuf.Timestamp': (value, at, _types, report) => {
    if (isObject(value)) return value;
    const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(ms)) return report(at, 'must be a time, e.g. "2030-01-31T12:00:00Z"');
    return { seconds: Math.floor(ms / 1000), nanos: (ms - Math.floor(ms / 1000) * 1000) * 1e6 };
  },
  '.google.protobuf.Struct': (value, at, _types, report) =>
    isObject(value) ? structOf(value) : report(at, 'must be an object'),
  '.google.protobuf.Value': (value) => valueOf(value),
  '.google.protobuf.ListValue': (value, at, _types, report) =>
    Array.isArray(value) ? { values: value.map(valueOf) } : report(at, 'must be a list'),
  ...Object.fromEntries(
    ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map((name) => [
      `.google.protobuf.${name}Value`,
      wrapper,
    ]),
  ),
};

function isWellKnown(fullName: string): boolean {
  return fullName in WELL_KNOWN;
}

function structOf(value: Json): object {
  const keys = Object.keys(value).sort();
  return { fields: Object.fromEntries(keys.map((key) => [key, valueOf(value[key])])) };
}

function valueOf(value: unknown): object {
  if (value === null || value === undefined) return { nullValue: 0 };
  if (typeof value === 'number') return { numberValue: value };
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (Array.isArray(value)) return { listValue: { values: value.map(valueOf) } };
  return { structValue: structOf(value as Json) };
}

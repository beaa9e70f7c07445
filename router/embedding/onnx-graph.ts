import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/**
 * Writes the few parts of an ONNX model that a network of matrices needs. Field numbers are those of onnx.proto
 * (github.com/onnx/onnx, IR version 8).
 */

/** Kinds of numbers, by their number in TensorProto.DataType. */
const DATA_TYPES = { float: 1, uint8: 2, int8: 3, int64: 7 } as const;

/** An operation: gives the names of its results. Attributes are whole numbers, fractions (`{ float }`) or lists of whole numbers. */
export interface Operation {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | { readonly float: number } | readonly number[]>>;
  /** Set of operations that it is of; ONNX's own when left out. */
  readonly domain?: 'com.microsoft';
}

export interface GraphBuilder {
  /** Adds a constant and gives its name. */
  constant(name: string, shape: readonly number[], values: Float32Array | Int8Array | BigInt64Array): string;
  /** Adds an operation and gives the name of its first result. */
  add(operation: Operation): string;
  /** Gives the whole model's bytes. A side of a shape is a number, or a name where it may be any. */
  finish(ends: { readonly input: Port; readonly output: Port }): Uint8Array;
}

export interface Port {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

const IR_VERSION = 8;
const OPSET = 17;
/** AttributeProto.AttributeType. */
const ATTRIBUTE = { float: 1, int: 2, ints: 7 } as const;

/** Creates an empty graph. */
export function createGraph(): GraphBuilder {
  const nodes: Uint8Array[] = [];
  const constants: Uint8Array[] = [];
  return {
    constant(name, shape, values) {
      constants.push(tensorOf(name, shape, values));
      return name;
    },
    add(operation) {
      nodes.push(nodeOf(operation));
      return operation.outputs[0] ?? '';
    },
    finish({ input, output }) {
      const graph = new BinaryWriter();
      for (const node of nodes) graph.uint32(tag(1)).bytes(node);
      graph.uint32(tag(2)).string('frontier');
      for (const constant of constants) graph.uint32(tag(5)).bytes(constant);
      graph.uint32(tag(11)).bytes(portOf(input));
      graph.uint32(tag(12)).bytes(portOf(output));
      const model = new BinaryWriter();
      model.uint32(tag(1, WireType.Varint)).int64(IR_VERSION);
      model.uint32(tag(7)).bytes(graph.finish());
      model.uint32(tag(8)).bytes(opsetOf('', OPSET));
      model.uint32(tag(8)).bytes(opsetOf('com.microsoft', 1));
      return model.finish();
    },
  };
}

function tag(field: number, type = WireType.LengthDelimited): number {
  return ((field << 3) | type) >>> 0;
}

function nodeOf({ type, inputs, outputs, attributes = {}, domain }: Operation): Uint8Array {
  const node = new BinaryWriter();
  for (const name of inputs) node.uint32(tag(1)).string(name);
  for (const name of outputs) node.uint32(tag(2)).string(name);
  node.uint32(tag(4)).string(type);
  for (const [name, value] of Object.entries(attributes)) {
    const attribute = new BinaryWriter().uint32(tag(1)).string(name);
    if (typeof value === 'number') attribute.uint32(tag(3, WireType.Varint)).int64(value);
    else if ('float' in value) attribute.uint32(tag(2, WireType.Bit32)).float(value.float);
    else for (const one of value) attribute.uint32(tag(8, WireType.Varint)).int64(one);
    const kind = typeof value === 'number' ? ATTRIBUTE.int : 'float' in value ? ATTRIBUTE.float : ATTRIBUTE.ints;
    attribute.uint32(tag(20, WireType.Varint)).int32(kind);
    node.uint32(tag(5)).bytes(attribute.finish());
  }
  if (domain !== undefined) node.uint32(tag(7)).string(domain);
  return node.finish();
}

function tensorOf(
  name: string,
  shape: readonly number[],
  values: Float32Array | Int8Array | BigInt64Array,
): Uint8Array {
  const type = values instanceof Float32Array ? 'float' : values instanceof Int8Array ? 'int8' : 'int64';
  const tensor = new BinaryWriter();
  for (const side of shape) tensor.uint32(tag(1, WireType.Varint)).int64(side);
  tensor.uint32(tag(2, WireType.Varint)).int32(DATA_TYPES[type]);
  tensor.uint32(tag(8)).string(name);
  tensor.uint32(tag(9)).bytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return tensor.finish();
}

function portOf({ name, shape }: Port): Uint8Array {
  const shapeProto = new BinaryWriter();
  for (const side of shape) {
    const dimension = new BinaryWriter();
    if (typeof side === 'number') dimension.uint32(tag(1, WireType.Varint)).int64(side);
    else dimension.uint32(tag(2)).string(side);
    shapeProto.uint32(tag(1)).bytes(dimension.finish());
  }
  const tensorType = new BinaryWriter();
  tensorType.uint32(tag(1, WireType.Varint)).int32(DATA_TYPES.float);
  tensorType.uint32(tag(2)).bytes(shapeProto.finish());
  const type = new BinaryWriter().uint32(tag(1)).bytes(tensorType.finish());
  return new BinaryWriter().uint32(tag(1)).string(name).uint32(tag(2)).bytes(type.finish()).finish();
}

function opsetOf(domain: string, version: number): Uint8Array {
  return new BinaryWriter().uint32(tag(1)).string(domain).uint32(tag(2, WireType.Varint)).int64(version).finish();
}

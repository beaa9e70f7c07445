import { createGraph, type GraphBuilder } from './onnx-graph.ts';
import type { TensorFile } from './safetensors.ts';

/** Sizes of all-MiniLM-L6-v2 (its config.json). */
export const MINILM = { layers: 6, hidden: 384, heads: 12, inner: 1536, vocabulary: 30_522, positions: 512 } as const;
const { hidden, heads, inner, layers } = MINILM;
const EPSILON = 1e-12;

/** How exactly weights of matrices are kept: as bytes, a scale for each column, or as they are. */
export type Precision = 'int8' | 'float32';

/** Name and shape of the graph's input (sum of the embeddings of each token) and output (mean over all tokens). */
export const INPUT = 'embeddings';
export const OUTPUT = 'mean';

/**
 * Largest weight as a byte. Seven bits and not eight: processors without VNNI add two products of eight bits in sixteen,
 * which would overflow (onnxruntime.ai/docs/performance/model-optimizations/quantization.html, "reduce_range").
 */
const MAX_BYTE = 63;

/**
 * Builds the encoder of BERT (Devlin et al. 2019) as an ONNX model, from its weights: attention and two matrices per layer, each with
 * a residual and a layer norm after it; at the end the mean over tokens, which is how all-MiniLM-L6-v2 pools. Fused
 * operations of onnxruntime (domain com.microsoft) do the work of several.
 */
export function miniLmGraph(weights: TensorFile, precision: Precision): Uint8Array {
  const graph = createGraph();
  const norm = (name: string): [string, string] => [
    graph.constant(`${name}.weight`, [hidden], weights(`${name}.weight`, hidden).values),
    graph.constant(`${name}.bias`, [hidden], weights(`${name}.bias`, hidden).values),
  ];
  const dense = (name: string, input: string, rows: number, columns: number): string =>
    matrix(graph, precision, input, {
      name,
      columns: transposed(weights(`${name}.weight`, columns, rows).values, columns, rows),
      bias: weights(`${name}.bias`, columns).values,
      rows,
    });

  let state = graph.add({
    type: 'LayerNormalization',
    inputs: [INPUT, ...norm('embeddings.LayerNorm')],
    outputs: ['embedded'],
    attributes: { axis: -1, epsilon: { float: EPSILON } },
  });
  for (let layer = 0; layer < layers; layer += 1) {
    const at = `encoder.layer.${layer}`;
    const parts = ['query', 'key', 'value'].map((part) => dense(`${at}.attention.self.${part}`, state, hidden, hidden));
    const attended = graph.add({
      type: 'MultiHeadAttention',
      domain: 'com.microsoft',
      inputs: parts,
      outputs: [`${at}.attended`],
      attributes: { num_heads: heads },
    });
    const mixed = dense(`${at}.attention.output.dense`, attended, hidden, hidden);
    state = withResidual(graph, mixed, state, norm(`${at}.attention.output.LayerNorm`));
    const wide = dense(`${at}.intermediate.dense`, state, hidden, inner);
    const active = graph.add({ type: 'Gelu', domain: 'com.microsoft', inputs: [wide], outputs: [`${wide}.gelu`] });
    const narrow = dense(`${at}.output.dense`, active, inner, hidden);
    state = withResidual(graph, narrow, state, norm(`${at}.output.LayerNorm`));
  }
  graph.add({ type: 'ReduceMean', inputs: [state], outputs: [OUTPUT], attributes: { axes: [1], keepdims: 0 } });
  return graph.finish({
    input: { name: INPUT, shape: [1, 'tokens', hidden] },
    output: { name: OUTPUT, shape: [1, hidden] },
  });
}

function withResidual(graph: GraphBuilder, added: string, to: string, norm: [string, string]): string {
  return graph.add({
    type: 'SkipLayerNormalization',
    domain: 'com.microsoft',
    inputs: [added, to, ...norm],
    outputs: [`${added}.normed`],
    attributes: { epsilon: { float: EPSILON } },
  });
}

interface Matrix {
  readonly name: string;
  /** Row by row, as many columns as the bias has numbers. */
  readonly columns: Float32Array;
  readonly rows: number;
  readonly bias: Float32Array;
}

/** Adds input x matrix + bias. */
function matrix(
  graph: GraphBuilder,
  precision: Precision,
  input: string,
  { name, columns, rows, bias }: Matrix,
): string {
  const shape = [rows, bias.length];
  const biasName = graph.constant(`${name}.bias`, [bias.length], bias);
  const output = `${name}.out`;
  if (precision === 'float32') {
    const weight = graph.constant(`${name}.weight`, shape, columns);
    const product = graph.add({ type: 'MatMul', inputs: [input, weight], outputs: [`${name}.product`] });
    return graph.add({ type: 'Add', inputs: [product, biasName], outputs: [output] });
  }
  const { bytes, scales } = quantised(columns, bias.length);
  return graph.add({
    type: 'DynamicQuantizeMatMul',
    domain: 'com.microsoft',
    inputs: [
      input,
      graph.constant(`${name}.bytes`, shape, bytes),
      graph.constant(`${name}.scales`, [bias.length], scales),
      graph.constant(`${name}.zeros`, [bias.length], new Int8Array(bias.length)),
      biasName,
    ],
    outputs: [output],
  });
}

/** Rounds a matrix to bytes, with a scale for each column. */
function quantised(values: Float32Array, columns: number): { bytes: Int8Array; scales: Float32Array } {
  const largest = new Float32Array(columns);
  values.forEach((value, at) => {
    const column = at % columns;
    largest[column] = Math.max(largest[column] ?? 0, Math.abs(value));
  });
  const scales = largest.map((value) => value / MAX_BYTE || 1);
  return { bytes: Int8Array.from(values, (value, at) => Math.round(value / (scales[at % columns] ?? 1))), scales };
}

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1)
      turned[column * rows + row] = values[row * columns + column] ?? 0;
  }
  return turned;
}
